package align

import "testing"

// A stream is the same whenever it is asked for, and another for every index.
func TestStream(t *testing.T) {
	first := Stream(1, "noise", 3, 0).Uint64()
	if again := Stream(1, "noise", 3, 0).Uint64(); again != first {
		t.Errorf("the same stream began with %d, then with %d", first, again)
	}
	for what, other := range map[string]uint64{
		"seed": Stream(2, "noise", 3, 0).Uint64(), "name": Stream(1, "other", 3, 0).Uint64(),
		"epoch": Stream(1, "noise", 4, 0).Uint64(), "layer": Stream(1, "noise", 3, 1).Uint64(),
	} {
		if other == first {
			t.Errorf("another %s gives the same stream", what)
		}
	}
}
