package align

import "context"

// SignSymmetry is a control: before every epoch each feedback weight takes the
// sign of its feedforward weight and keeps its own random size ("fixed random
// magnitude sign-concordant feedback", Liao, Leibo, Poggio, AAAI 2016). It
// tells how much of learning signs alone can explain.
type SignSymmetry struct{}

// Learn gives the feedback weights their signs, then calls observe(0).
func (SignSymmetry) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(l Layer) {
		for j := range l.Out {
			for i := range l.In {
				if b := &l.Feedback[i*l.Out+j]; sign(float64(*b)) == -sign(float64(l.Forward[j*l.In+i])) {
					*b = -*b
				}
			}
		}
	})
}
