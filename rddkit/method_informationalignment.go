package rddkit

import "github.com/weightalign/lab/rddkit/align"

// InformationAlignment learns them before every epoch from noise, so that feedback
// of a layer's response gives the noise back (Kunin et al. 2020).
const InformationAlignment Method = "information-alignment"

func init() {
	standard, err := align.NewInformationAlignment(align.InformationAlignmentOptions{}, 0)
	if err != nil {
		panic(err)
	}
	builtIn(Definition[align.InformationAlignmentOptions]{
		Name: string(InformationAlignment), Label: "Information alignment", Color: "#999933", rank: 130,
		Defaults: standard.Options(),
		New: func(o align.InformationAlignmentOptions, e Experiment) (align.Learner, error) {
			return align.NewInformationAlignment(o, e.Seed)
		},
	})
}
