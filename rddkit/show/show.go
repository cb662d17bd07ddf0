package show

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"image/png"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/weightalign/lab/rddkit/invalid"
)

// InNotebook reports whether the program is a cell of a GoNB notebook, be it
// in a browser or run headless.
func InNotebook() bool { return gonbui.IsNotebook }

// Markdown shows text as Markdown in a notebook, and prints it as it is
// elsewhere.
func Markdown(text string) {
	if !InNotebook() {
		fmt.Println(text)
		return
	}
	gonbui.DisplayMarkdown(text)
	gonbui.Sync()
}

// Markdownf is Markdown with a format as in [fmt.Sprintf].
func Markdownf(format string, args ...any) { Markdown(fmt.Sprintf(format, args...)) }

// HTML shows an HTML fragment in a notebook, and nothing elsewhere.
func HTML(fragment string) {
	if !InNotebook() {
		return
	}
	gonbui.DisplayHTML(fragment)
	gonbui.Sync()
}

// A Picture is a place in the notebook's output that holds one PNG image. Its
// zero value is ready: the first Show makes the place, the next ones replace
// the image in it.
type Picture struct{ id string }

// Show puts a PNG image there, drawn scale image pixels to a page pixel (2
// keeps text crisp on any screen; 0 means 1), with text in its stead for
// readers that show no images. It does nothing outside notebooks. The error
// is an *invalid.Error if image is not a PNG file.
func (p *Picture) Show(image []byte, scale int, text string) error {
	size, err := png.DecodeConfig(bytes.NewReader(image))
	if err != nil {
		return invalid.New("image", err.Error(), "a PNG file")
	}
	if !InNotebook() {
		return nil
	}
	if p.id == "" {
		p.id = "picture-" + gonbui.UniqueId()
	}
	scale = max(scale, 1)
	gonbui.SendData(&protocol.DisplayData{
		Data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  image,
			protocol.MIMETextPlain: text,
		},
		Metadata: map[string]any{string(protocol.MIMEImagePNG): map[string]any{
			"width": size.Width / scale, "height": size.Height / scale,
			"alt": text, // which exported pages read
		}},
		DisplayID: p.id,
	})
	gonbui.Sync()
	return nil
}

// PNG shows one PNG image; see [Picture.Show].
func PNG(image []byte, scale int, text string) error { return new(Picture).Show(image, scale, text) }

// The kernel's protocol sends a picture's metadata as a map within a map, of
// which encoding/gob must be told.
func init() { gob.Register(map[string]any{}) }
