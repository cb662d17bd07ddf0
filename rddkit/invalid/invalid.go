// Package invalid is the one way rddkit says that an input is wrong: which
// field or file, what value it had, and what is allowed.
package invalid

import "fmt"

// Error reports one bad input. Commands turn it into exit code 2; a notebook
// cell shows its text.
type Error struct {
	Field   string // the field, flag or file, as the user wrote it
	Value   any    // what was given
	Allowed string // what would have been right, e.g. "at least 1"
}

// New returns an *Error for field, whose value is not allowed.
func New(field string, value any, allowed string) error {
	return &Error{Field: field, Value: value, Allowed: allowed}
}

// Newf is New with a formatted account of what is allowed.
func Newf(field string, value any, allowed string, args ...any) error {
	return New(field, value, fmt.Sprintf(allowed, args...))
}

// In returns err under the name that the user wrote: an *Error about another
// field becomes one about field. Other errors, and nil, it returns as they are.
func In(field string, err error) error {
	if e, ok := err.(*Error); ok {
		return &Error{Field: field, Value: e.Value, Allowed: e.Allowed}
	}
	return err
}

func (e *Error) Error() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("%s is %q: want %s", e.Field, s, e.Allowed)
	}
	return fmt.Sprintf("%s is %v: want %s", e.Field, e.Value, e.Allowed)
}
