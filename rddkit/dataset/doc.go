// Package dataset finds, fetches, verifies and reads the images that rddkit's
// networks learn from: the five data sets of the report (CIFAR-10, MNIST,
// Fashion-MNIST, KMNIST, USPS), the talk's second one (CIFAR-100) and an embedded
// one that needs no download.
//
//	set, err := dataset.Load(ctx, "", dataset.Options{}) // fashion-mnist-10k
//	set.Train.Batch(images, labels, indices, nil)        // [batch][channel][row][column]
//
// What is right is written down in data/manifest.json: the files of every set,
// their addresses, sizes, SHA-256 and licences. A file that differs is an error
// that names it. Images stay as compact as their files (CIFAR-10 takes 184 MB);
// [Split.Batch] normalises and augments one batch at a time, as the report does.
//
// A name may also be that of data of one's own. A folder is named by its path
// ("./mine", or "mine" if it lies in $RDDKIT_DATA), or that of one .npz. It holds
//
//	train_images  [n][rows][columns] or [n][channels][rows][columns], square:
//	              uint8 from 0 (black) to 255, or floating point from 0 to 1
//	train_labels  [n], whole numbers from 0, at most 255
//	test_images, test_labels  the same for testing
//
// as .npy files or members of the archive, or else pictures, as
// train/CLASS/*.png and test/CLASS/*.png. [Register] names a function that makes
// a set, in a notebook's cell, say, with [Draw] or [New]. What data of one's own
// holds, not where it lies, is its [Identity].
//
// Every known data set has 10 classes, but for CIFAR-100: its labels are the fine ones,
// the coarse ones (20 groups) are only checked. Where a set is known by the training half and
// the test half, these are the official ones; fashion-mnist-10k and kmnist-10k
// split the 10,000 official test images instead, 8,500 for training and 1,500
// for testing.
package dataset
