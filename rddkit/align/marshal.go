package align

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"fmt"
	"reflect"

	"github.com/weightalign/lab/rddkit/invalid"
)

// MarshalState returns what a learner keeps between two epochs. A learner made
// with the same options goes on from it to the same bits after [UnmarshalState].
// If the learner has the methods of encoding.BinaryMarshaler and
// BinaryUnmarshaler, they are called; else its exported fields are its state, as
// package encoding/gob writes them, and without one the state is empty.
func MarshalState(l Learner) ([]byte, error) { return marshalState(l) }

// marshalState is MarshalState of a learner or a rule.
func marshalState(l any) ([]byte, error) {
	if own, ok := l.(encoding.BinaryMarshaler); ok {
		return own.MarshalBinary()
	}
	if !hasFields(l) {
		return nil, nil
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(l); err != nil {
		return nil, invalid.New("learner", fmt.Sprintf("%T", l), "exported fields that encoding/gob can write, or a method MarshalBinary: "+err.Error())
	}
	return out.Bytes(), nil
}

// UnmarshalState restores what MarshalState returned. State that is damaged or
// of another learner is an *invalid.Error, and then nothing has changed.
func UnmarshalState(l Learner, state []byte) error { return unmarshalState(l, state) }

func unmarshalState(l any, state []byte) error {
	if own, ok := l.(encoding.BinaryUnmarshaler); ok {
		return own.UnmarshalBinary(state)
	}
	if !hasFields(l) {
		if len(state) > 0 {
			return invalid.New("learner state", fmt.Sprintf("%d bytes", len(state)), "empty for a learner without state")
		}
		return nil
	}
	if reflect.ValueOf(l).Kind() != reflect.Pointer {
		return invalid.New("learner", fmt.Sprintf("%T", l), "a pointer, as it has fields that change")
	}
	// gob leaves out zeros: what it does not name must not stay as it was.
	read := reflect.New(reflect.TypeOf(l).Elem())
	if err := gob.NewDecoder(bytes.NewReader(state)).DecodeValue(read); err != nil {
		return invalid.New("learner state", err.Error(), "what MarshalState returned")
	}
	if to := reflect.ValueOf(l).Elem(); to.Kind() == reflect.Struct {
		for i := range to.NumField() {
			if to.Type().Field(i).IsExported() {
				to.Field(i).Set(read.Elem().Field(i))
			}
		}
	} else {
		to.Set(read.Elem())
	}
	return nil
}

// hasFields reports whether a learner is a struct with exported fields of its
// own, embedded learners aside.
func hasFields(l any) bool {
	t := reflect.TypeOf(l)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return true // gob decides
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type.NumField() == 0) {
			return true
		}
	}
	return false
}
