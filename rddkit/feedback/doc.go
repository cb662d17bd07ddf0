// Package feedback holds the experiments of the talk's second half: fully
// connected networks whose feedback weights are learned from perturbations
// (Lansdell, Prakash and Kording, "Learning to solve the credit assignment
// problem", ICLR 2020), beside backpropagation, feedback alignment and learning
// by perturbation alone.
//
// An experiment is a value whose zero fields mean the reference setting, and its
// Run returns plain data:
//
//   - [Convergence] keeps the feedforward weights fixed and follows how the
//     feedback weights find them (Theorems 1 and 2);
//   - [Classifier] trains a sigmoid network on images;
//   - [Autoencoder] compresses images to two numbers;
//   - [Meeting] lets regression discontinuity and node perturbation learn the
//     feedback weights of one and the same network.
//
// Networks are lists of layers of package nn, in float32; a layer's feedback
// weight carries no error to the constant unit of the biases, so its row, which
// the programs of the paper also learn, is left out. Batches have 32 samples and
// the squared error is summed over them.
package feedback
