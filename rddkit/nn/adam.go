package nn

import (
	"math"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Adam is the optimiser of Kingma and Ba (ICLR 2015, algorithm 1): for every
// parameter p with gradient g, in step t,
//
//	m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
//	p ← p − LearningRate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + 10⁻⁸)
//
// with β₁ = 0.9 and β₂ = 0.999. The moments belong to the Adam, which serves
// one network; they are not part of the network's Tensors.
type Adam struct {
	LearningRate float64 // above 0 and below 1e6; 0 means 0.001

	steps   int
	moments map[*parameter][2][]float32 // m and v
}

const (
	adamFirst   = 0.9
	adamSecond  = 0.999
	adamEpsilon = 1e-8
)

func (a *Adam) validate() error {
	if a == nil {
		return invalid.New("optimiser", nil, "an SGD or a *Adam")
	}
	if a.LearningRate == 0 {
		a.LearningRate = 0.001
	}
	if !(a.LearningRate > 0 && a.LearningRate < 1e6) {
		return invalid.New("LearningRate", a.LearningRate, "above 0 and below 1e6, or 0 for 0.001")
	}
	return nil
}

func (a *Adam) step(n *Network) {
	if a.moments == nil {
		a.moments = map[*parameter][2][]float32{}
	}
	for _, piece := range n.pieces {
		if p := piece.parameter; p != nil && a.moments[p][0] == nil {
			a.moments[p] = [2][]float32{make([]float32, len(p.value)), make([]float32, len(p.value))}
		}
	}
	a.steps++
	t := float64(a.steps)
	rate := a.LearningRate / (1 - math.Pow(adamFirst, t))
	unbias := 1 / (1 - math.Pow(adamSecond, t))
	parallel.For(len(n.pieces), func(i int) {
		piece := n.pieces[i]
		p := piece.parameter
		if p == nil || piece.layer.Frozen {
			return
		}
		m, v := a.moments[p][0], a.moments[p][1]
		for k := piece.from; k < piece.to; k++ {
			g := float64(p.gradient[k])
			first := float64(adamFirst*float64(m[k])) + float64((1-adamFirst)*g)
			second := float64(adamSecond*float64(v[k])) + float64((1-adamSecond)*g*g)
			m[k], v[k] = float32(first), float32(second)
			p.value[k] -= float32(rate * first / (math.Sqrt(second*unbias) + adamEpsilon))
		}
	})
}
