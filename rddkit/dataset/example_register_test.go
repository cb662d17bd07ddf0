package dataset_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/dataset"
)

// bars is a data set's name: 16×16 images of one bar, upright or not.
var bars = dataset.Register("bars", func(context.Context) (*dataset.Set, error) {
	return dataset.Draw(dataset.Drawing{Train: 2000, Test: 500, Side: 16}, func(random *rand.Rand, pixels []uint8) int {
		at, upright := random.IntN(16), random.IntN(2)
		for i := range 16 {
			pixels[[]int{16*at + i, 16*i + at}[upright]] = 255
		}
		return upright
	})
})

func ExampleRegister() {
	info, err := dataset.Describe(bars)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d + %d images of %d×%d×%d in %d classes, %s\n", info.Name, info.TrainRows, info.TestRows, info.Channels, info.Side, info.Side, info.Classes, info.Digest)
	// Output: bars: 2000 + 500 images of 1×16×16 in 2 classes, 8a13b5e0c77c
}
