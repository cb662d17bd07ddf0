// Package train is the loop in which a network learns while a learner of
// package align provides its feedback weights.
//
// A [View] shows a learner the layers it may know: feedforward weights to read,
// feedback weights to write. A [Stepper] makes single training steps and lets
// learners of batches see each. A [Loop] is what an experiment does: a learner's
// phase before every epoch, a pass over the images, evaluation. The same loop
// serves package rddkit, which keeps records of it, package feedback, and cells.
//
// What it may know: networks (nn), learners (align), data (dataset); not which
// method it serves, nor how anything is kept or shown.
package train
