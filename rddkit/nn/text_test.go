package nn

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

func TestTextOfTheReportsNetwork(t *testing.T) {
	input := Shape{3, 32, 32}
	specs, err := ParseText(ReportText, input, 10)
	if err != nil {
		t.Fatal(err)
	}
	fromText, err := New(input, DoubleSoftmax, 1, specs...)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Report(ReportConfig{Channels: 3, Side: 32}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fromText.Tensors(), report.Tensors(); !reflect.DeepEqual(a, b) {
		t.Error("the text and Report give different networks")
	}
	connected, all := CountWeights(input, specs...)
	if want := 1600*384 + 384*192 + 192*10; connected != want || all != want+64*25*3+64*25*64 {
		t.Errorf("%d weights of fully connected layers, %d in all", connected, all)
	}
}

func TestTexts(t *testing.T) {
	image := Shape{1, 28, 28}
	for text, want := range map[string][]Spec{
		"500":        {Affine{500, ReLU, true}, Affine{Units: 10}},
		"784-500-10": {Affine{500, ReLU, true}, Affine{Units: 10}},
		"784-10":     {Affine{Units: 10}},
		"50sn-20tn":  {Affine{50, Sigmoid, false}, Affine{20, Tanh, false}, Affine{Units: 10}},
		"c8k3nf-30l": {Conv{8, 3, ReLU, false, false}, Affine{30, Linear, true}, Affine{Units: 10}},
	} {
		if got, err := ParseText(text, image, 10); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, allowed := range map[string]string{
		"":                "for example c64k5",
		"50,20":           "for example c64k5",
		"0":               "1 to 1048576 neurons",
		"9999999":         "1 to 1048576 neurons",
		"c64k5-9-c64k5":   "below fully connected",
		"c8k5-c8k5-c8k5":  "at least 6×6 pixels, and 4×4 come to it",
		"c0k5":            "1 to 1048576 neurons",
		"c8k0":            "kernels of at least 1 pixel",
		"1000000-1000000": "at most 268435456 weights",
	} {
		_, err := ParseText(text, image, 10)
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != "Network" || !strings.Contains(wrong.Allowed, allowed) {
			t.Errorf("%q: %v, want %q", text, err, allowed)
		}
	}
}

func FuzzParseText(f *testing.F) {
	for _, text := range []string{ReportText, "500", "784-500-10", "c8k3nf-30l", "c9999999k9999n", "--"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		input := Shape{1, 8, 8}
		specs, err := ParseText(text, input, 3)
		if err != nil {
			return
		}
		if _, all := CountWeights(input, specs...); all > 1<<16 {
			return
		}
		if _, err := New(input, Softmax, 1, specs...); err != nil {
			t.Errorf("%q is read as %v, of which no network can be made: %v", text, specs, err)
		}
	})
}
