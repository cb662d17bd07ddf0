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
// Every data set has 10 classes, but for CIFAR-100: its labels are the fine ones,
// the coarse ones (20 groups) are only checked. Where a set is known by the training half and
// the test half, these are the official ones; fashion-mnist-10k and kmnist-10k
// split the 10,000 official test images instead, 8,500 for training and 1,500
// for testing.
package dataset
