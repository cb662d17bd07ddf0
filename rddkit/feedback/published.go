package feedback

// Published is a mean and standard deviation that a source gives.
type Published struct{ Mean, SD float64 }

// AuthorsAutoencoder are the least test losses of the autoencoder 784-200-2-200-784
// on MNIST that the authors' published notebooks have stored, per batch of 32 images
// (30 000 batches; Lansdell, Prakash and Kording 2020, code feedbacklearning).
func AuthorsAutoencoder() map[Algorithm]Published {
	return map[Algorithm]Published{
		BP: {609.8, 14.35}, BPAdam: {538.2, 1.89}, FA: {759.2, 3.29}, NPGradient: {515.3, 4.11},
	}
}

// MeanImageLoss is the test loss per image of a network that always gives back the
// mean image of MNIST, by the NumPy reference: what is learned without a code.
const MeanImageLoss = 25.19
