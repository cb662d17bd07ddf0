// Package nn is the network whose feedback weights the laboratory studies: a
// list of convolutional and fully connected layers of neurons, trained by
// stochastic gradient descent on errors that travel back either through the
// layers' own weights (backpropagation) or through separate feedback weights
// (feedback alignment, Lillicrap et al., Nature Communications 7:13276, 2016).
//
// A layer here is what a paper's figure draws as one: neurons with an input
// drive (a convolution or an affine map), an activation function, and, where
// wanted, batch normalisation and max pooling, in that order. Each layer has a
// feedforward weight and a feedback weight of the same shape; its Route says
// which of the two carries the error to the layer below, and nothing else
// distinguishes the learning rules. Report builds the network of the
// reproducibility report; New takes any list of layers.
//
// For the talk's second half there are sigmoid and hyperbolic-tangent neurons,
// the squared error and Adam (perceptrons and autoencoders), a second forward
// pass with noise in the hidden layers (Perturbation), and direct feedback from
// the output (UseDirectFeedback).
//
// Arithmetic is float32, with sums over a batch in float64. Matrix products go
// through gonum's blas32, under which rddkit/internal/gemm puts OpenBLAS when
// the machine has it and, for convolutions, kernels that read images where they
// lie (AVX2, AVX-512); everything else is Go, spread over the cores in pieces
// that depend on the batch alone, so that results are the same bits on any
// number of cores.
//
// Images are passed as [image][channel][row][column] and weights have the
// order of NumPy's and PyTorch's files, [out][in] and [out][in][row][column].
// Inside, feature maps are [image][row][column][channel]: the channels of a
// pixel lie together, so that a patch of an image is a few long runs of memory
// and a loop over channels has no branch.
//
// A Network is used by one goroutine at a time.
package nn
