// Package show is what a notebook cell prints: text, tables, pictures and
// progress, and the context in which a cell computes.
//
// Every function works at three places. In a notebook (a cell of a GoNB
// kernel) output goes through the kernel's display pipe, in the order of the
// calls, and has arrived when the function returns; printing to standard
// output beside it would come out of order. On a terminal and in a log the
// same call writes plain text to standard output, or nothing where text cannot
// stand for it (HTML, pictures).
//
// A cell is compiled and linked each time it runs, so this package imports no
// plotting library; package chart draws. For the same reason the progress bar
// for terminals, whose library brings a web server along, is in package
// show/terminal.
package show
