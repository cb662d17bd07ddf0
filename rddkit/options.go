package rddkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// checkOptionsType reports whether O can hold a method's options: a struct whose
// fields are numbers, strings and booleans with JSON names.
func checkOptionsType[O any]() error {
	t := reflect.TypeFor[O]()
	field := "options " + t.String()
	if t.Kind() != reflect.Struct {
		return invalid.New(field, t.Kind(), "a struct")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "" || name == "-" || strings.ContainsAny(name, ":=, "):
			return invalid.New(field, f.Name, "exported fields with JSON names, like `json:\"rate\"`")
		}
		switch f.Type.Kind() {
		case reflect.Float32, reflect.Float64, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.String, reflect.Bool:
		default:
			return invalid.New(field+"."+f.Name, f.Type, "a number, a string or a bool")
		}
	}
	return nil
}

func isEmpty(options any) bool { return options == nil || reflect.TypeOf(options).NumField() == 0 }

// parseOptions returns given, of type O or what JSON made of it, with defaults in
// place of zeros.
func parseOptions[O any](given any, defaults O) (options O, err error) {
	switch given := given.(type) {
	case nil:
	case O:
		options = given
	default:
		text, err := json.Marshal(given)
		if err != nil {
			return options, invalid.New("Options", fmt.Sprintf("%T", given), "a "+reflect.TypeFor[O]().String())
		}
		in := json.NewDecoder(bytes.NewReader(text))
		in.DisallowUnknownFields()
		if err := in.Decode(&options); err != nil {
			return options, invalid.Newf("Options", string(text), "%s (%s)", allowedOptions(defaults), err)
		}
	}
	value, standard := reflect.ValueOf(&options).Elem(), reflect.ValueOf(defaults)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			value.Field(i).Set(standard.Field(i))
		}
		if f := value.Field(i); f.CanFloat() && f.Float()-f.Float() != 0 {
			return options, invalid.New("Options."+value.Type().Field(i).Name, f.Float(), "a finite number")
		}
	}
	return options, nil
}

func allowedOptions(defaults any) string {
	if isEmpty(defaults) {
		return "none for this method"
	}
	return "options of the method, which are by default " + formatOptions(optionsMap(defaults))
}

// optionsMap returns options by their JSON names.
func optionsMap(options any) map[string]any {
	text, err := json.Marshal(options)
	if err != nil {
		panic("rddkit: options that JSON cannot hold") // checkOptionsType, parseOptions
	}
	var all map[string]any
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&all); err != nil {
		panic("rddkit: options that JSON cannot hold")
	}
	return all
}

// differing returns the options that differ from the defaults, nil if none do.
// Zeros stand for defaults.
func differing(options, defaults any) any {
	if isEmpty(options) {
		return nil
	}
	t := reflect.TypeOf(options)
	all := make(map[string]any)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		v := reflect.ValueOf(options).Field(i)
		if !v.IsZero() && !v.Equal(reflect.ValueOf(defaults).Field(i)) {
			all[name] = v.Interface()
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// formatOptions is the text of options in a flag: rate=0.1:samples=50.
func formatOptions(options map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, options[name]))
	}
	return strings.Join(parts, ":")
}

// optionsFlag is the flag of a method's options.
type optionsFlag struct{ options *any }

func (f optionsFlag) String() string {
	if f.options == nil || isEmptyOptions(*f.options) {
		return ""
	}
	return formatOptions(optionsMap(*f.options))
}

func isEmptyOptions(options any) bool {
	if options == nil {
		return true
	}
	return reflect.TypeOf(options).Kind() == reflect.Struct && isEmpty(options)
}

// Set reads name=value pairs with colons between.
func (f optionsFlag) Set(text string) error {
	options := make(map[string]any)
	for pair := range strings.SplitSeq(text, ":") {
		name, value, ok := strings.Cut(pair, "=")
		if text == "" {
			break
		}
		if !ok || name == "" || value == "" {
			return fmt.Errorf("want name=value pairs with colons between, like rate=0.1:samples=50, not %q", pair)
		}
		var number json.Number
		switch {
		case value == "true" || value == "false":
			options[name] = value == "true"
		case json.Unmarshal([]byte(value), &number) == nil && !strings.HasPrefix(value, `"`):
			options[name] = number
		default:
			options[name] = value
		}
	}
	*f.options = nil
	if len(options) > 0 {
		*f.options = options
	}
	return nil
}
