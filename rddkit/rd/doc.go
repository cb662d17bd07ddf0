// Package rd estimates causal effects by regression discontinuity: units whose
// running variable x reaches a cutoff are treated, those just below it are not,
// and the jump of the outcome at the cutoff is the effect of the treatment
// there. It knows nothing of neurons; every function takes plain slices.
//
//   - [Sharp] and [Fuzzy] are the estimators of econometrics: local polynomials
//     on each side of the cutoff, data-driven bandwidths, bias-corrected robust
//     intervals. [LeastSquares] and [TwoStageLeastSquares] are their textbook
//     counterparts at a bandwidth of your own.
//   - [OnlineLeastSquares], [OnlineMeans], [OnlineDescent] and [OnlineFuzzy] take
//     one point at a time, in constant time and memory, without allocation.
//   - [SelectBandwidth] shows how a bandwidth came about.
//   - [DensityTest], [McCrary] and [Binomial] ask whether units were moved across
//     the cutoff; [Placebo] looks for jumps where there should be none;
//     [LocalRandomisation] compares the two sides of a small window.
//   - [Plot] returns binned means and fitted curves as data.
//
// # Conventions
//
// A unit with x >= Cutoff is treated. Pairs are always [left, right]: below the
// cutoff, at or above it. An estimate is the limit from the right less the limit
// from the left. z = x − Cutoff is the centred running variable. The kernel
// weight of a point is K(z/h); a point of weight zero is not counted as
// effective. p-values are two-sided and, like the intervals, from the normal
// distribution.
//
// Results carry the options they were computed with, defaults filled in, and
// print as the table that readers of such results know. Input that no answer
// can be computed from is an error that names the field, its value and what is
// allowed; doubts about an answer that could be computed are in its Warnings.
// No function changes its input slices.
//
// # Sources
//
//   - Hahn, Todd & van der Klaauw (2001), Identification and estimation of treatment effects with a regression-discontinuity design, Econometrica 69(1), 201–209.
//   - Imbens & Lemieux (2008), Regression discontinuity designs: a guide to practice, Journal of Econometrics 142(2), 615–635.
//   - Calonico, Cattaneo & Titiunik (2014), Robust nonparametric confidence intervals for regression-discontinuity designs, Econometrica 82(6), 2295–2326.
//   - Calonico, Cattaneo & Titiunik (2015), Optimal data-driven regression discontinuity plots, JASA 110(512), 1753–1769.
//   - Calonico, Cattaneo & Farrell (2020), Optimal bandwidth choice for robust bias-corrected inference in RD designs, Econometrics Journal 23(2), 192–210.
//   - Cattaneo, Jansson & Ma (2020), Simple local polynomial density estimators, JASA 115(531), 1449–1455.
//   - McCrary (2008), Manipulation of the running variable in the regression discontinuity design: a density test, Journal of Econometrics 142(2), 698–714.
//   - Cattaneo, Frandsen & Titiunik (2015), Randomization inference in the regression discontinuity design, Journal of Causal Inference 3(1), 1–24.
package rd
