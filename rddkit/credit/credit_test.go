package credit

import (
	"errors"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// requireInvalid fails unless err says that field is wrong.
func requireInvalid(t *testing.T, field string, err error) {
	t.Helper()
	var bad *invalid.Error
	if !errors.As(err, &bad) || bad.Field != field {
		t.Errorf("error %v, want one about %s", err, field)
	}
}
