package dataset_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/npy"
)

func Example() {
	set, err := dataset.Load(context.Background(), "", dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	images := make([]float32, 2*set.Train.ImageLen()) // [batch][channel][row][column]
	labels := make([]uint8, 2)
	set.Train.Batch(images, labels, []int{0, 8499}, nil)
	fmt.Println(set.Name, set.Train.Len(), set.Test.Len(), set.Train.ImageLen(), labels)
	fmt.Println("background:", images[0])
	// Output:
	// fashion-mnist-10k 8500 1500 784 [9 6]
	// background: -1
}

func ExampleDescribe() {
	info, err := dataset.Describe("cifar10")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d + %d images of %d×%d×%d\n", info.TrainRows, info.TestRows, info.Channels, info.Side, info.Side)
	_, err = dataset.Describe("imagenet")
	fmt.Println(err)
	// Output:
	// 50000 + 10000 images of 3×32×32
	// data set is "imagenet": want one of fashion-mnist-10k, cifar10, cifar100, mnist, fashion-mnist, kmnist, kmnist-10k, usps, bars, or a folder of your own (./imagenet)
}

func ExampleAugment() {
	image := []uint8{0, 255, 255, 255} // one channel of 2×2
	shifted := make([]float32, 4)
	dataset.Augment(shifted, image, 1, 2, dataset.Padding, dataset.Padding+1, false)
	fmt.Println(shifted) // the window lies one column to the right
	// Output: [1 -1 1 -1]
}

// A folder is named by its path. Here its arrays are written first, as
// numpy.save would.
func ExampleLoad_folder() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	npy.WriteFile(filepath.Join(dir, "train_images.npy"), []uint8{0, 255, 255, 0, 255, 0, 0, 255}, 2, 2, 2) // [image][row][column]
	npy.WriteFile(filepath.Join(dir, "train_labels.npy"), []int64{0, 1})
	npy.WriteFile(filepath.Join(dir, "test_images.npy"), []uint8{0, 200, 200, 0}, 1, 2, 2)
	npy.WriteFile(filepath.Join(dir, "test_labels.npy"), []int64{0})

	set, err := dataset.Load(context.Background(), dir, dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Train.Len(), set.Test.Len(), set.Side, set.Classes, set.Digest)
	fmt.Println(dataset.Label("/home/ada/My data"), dataset.Label("./diagonals.npz"))
	// Output:
	// 2 1 2 2 6b49300fc216
	// My-data diagonals
}
