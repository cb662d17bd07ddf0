// Package data holds the files that travel inside rddkit's programs, so that a
// notebook cell and "go run …/cmd/rdd" need neither a network nor a working
// directory. README.md says where each comes from.
package data

import "embed"

// Embedded holds the data sets that need no download, one folder each:
// fashion-mnist-10k.
//
//go:embed fashion-mnist-10k/*.gz
var Embedded embed.FS

// Manifest is manifest.json: every data set with its files, addresses, sizes,
// SHA-256 and licence. Package rddkit/dataset reads it.
//
//go:embed manifest.json
var Manifest []byte

// ReportFigures is report_figures.json: the curves of the reproducibility
// report, read off its figures. Package rddkit/report reads it.
//
//go:embed report_figures.json
var ReportFigures []byte
