package stream

import (
	"testing"

	"pgregory.net/rapid"
)

func TestStreamsAreReproducibleAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		name := rapid.StringN(1, 10, -1).Draw(t, "name")
		index := rapid.Uint64().Draw(t, "index")
		want := New(seed, name, index).Uint64()
		if got := New(seed, name, index).Uint64(); got != want {
			t.Fatalf("the same stream began with %d, then %d", want, got)
		}
		for what, other := range map[string]uint64{
			"seed":    New(seed+1, name, index).Uint64(),
			"name":    New(seed, name+"x", index).Uint64(),
			"index":   New(seed, name, index+1).Uint64(),
			"indices": New(seed, name).Uint64(),
		} {
			if other == want {
				t.Fatalf("changing the %s left the stream as it was", what)
			}
		}
	})
}
