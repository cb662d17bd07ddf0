// Package rd estimates causal effects by regression discontinuity: units whose
// running variable x reaches a cutoff are treated, those just below it are not,
// and the jump of the outcome at the cutoff is the effect of the treatment
// there. It knows nothing of neurons; every function takes plain slices.
//
//   - [Sharp] and [Fuzzy] are the estimators of econometrics: local polynomials
//     on each side of the cutoff, data-driven bandwidths, bias-corrected robust
//     intervals. As methods of a [Sample] they also take clusters (trials, cells),
//     covariates and weights; [Options] has kinks and donuts. [Many] does it for
//     many units with a cutoff each.
//   - [Honest] gives intervals for a running variable of few distinct values.
//   - [OnlineLeastSquares], [OnlineFuzzy], [OnlineMeans] and [OnlineDescent] take
//     one point at a time, in constant time and memory, without allocation; the
//     first three merge, the first two have robust and clustered standard errors.
//   - [Sample.Check] asks what a design is not believed without: [DensityTest] and
//     [Binomial] whether points were moved across the cutoff, [Placebo] whether
//     there are jumps where there should be none, [Sample.Bandwidths] and
//     [Sample.Donuts] whether the estimate hangs on the bandwidth or on the
//     nearest points. [LocalRandomisation] compares the two sides of a small
//     window.
//   - [Result.PointsFor] tells how many points an effect takes, [SelectBandwidth]
//     how a bandwidth came about, [Plot] returns binned means and fitted curves as
//     data, [OpenCSV] reads a table.
//
// # Conventions
//
// A unit with x >= Cutoff is treated. Pairs are always [left, right]: below the
// cutoff, at or above it. An estimate is the limit from the right less the limit
// from the left. z = x − Cutoff is the centred running variable. The kernel
// weight of a point is K(z/h); a point of weight zero is not counted as
// effective. p-values are two-sided and, like the intervals, from the normal
// distribution, or with clusters from Student's t.
//
// No result hangs on the unit of x or y: distances count as equal up to a relative
// 2⁻²⁶, as rdrobust 2.1.1 has it, and a point as on the edge of a window up to
// 2⁻³⁰. Where the versions of rdrobust differ otherwise, the rule is that of R's
// 4.0.0: the first pilot regression has a bandwidth of exactly the range of x (2.1.1
// adds 2⁻²⁶, which matters where x has outliers), and the selector reads the
// coefficient of z^(p+1) of a bias fit of any order q (2.1.1 that of z^q).
//
// Results carry the options they were computed with, defaults filled in, and
// print as the table that readers of such results know. Input that no answer
// can be computed from is an error that names the field, its value and what is
// allowed; doubts about an answer that could be computed are in its Warnings.
// No function changes its input slices. Work on the two sides of the cutoff is
// done at once; results are the same on any number of cores.
//
// # Clusters
//
// The scores of a cluster are summed over both sides of the cutoff, unlike
// rdrobust's, since a trial or a cell has windows on both. Over 2,000 draws of 20
// cells of 100 windows the robust interval covers 0.944 where the cells differ in
// their effect, 0.949 in level, 0.943 in both (go test -run CoverageOfClusters, with
// RDDKIT_DRAWS=2000).
//
// # Sources
//
//   - Hahn, Todd & van der Klaauw (2001), Identification and estimation of treatment effects with a regression-discontinuity design, Econometrica 69(1), 201–209.
//   - Imbens & Lemieux (2008), Regression discontinuity designs: a guide to practice, Journal of Econometrics 142(2), 615–635.
//   - Calonico, Cattaneo & Titiunik (2014), Robust nonparametric confidence intervals for regression-discontinuity designs, Econometrica 82(6), 2295–2326.
//   - Calonico, Cattaneo & Titiunik (2015), Optimal data-driven regression discontinuity plots, JASA 110(512), 1753–1769.
//   - Calonico, Cattaneo, Farrell & Titiunik (2019), Regression discontinuity designs using covariates, Review of Economics and Statistics 101(3), 442–451.
//   - Calonico, Cattaneo & Farrell (2020), Optimal bandwidth choice for robust bias-corrected inference in RD designs, Econometrics Journal 23(2), 192–210.
//   - Kolesár & Rothe (2018), Inference in regression discontinuity designs with a discrete running variable, AER 108(8), 2277–2304.
//   - Armstrong & Kolesár (2020), Simple and honest confidence intervals in nonparametric regression, Quantitative Economics 11(1), 1–39.
//   - Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples, Survey Methodology 28(2), 169–181.
//   - Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test robust to cluster heterogeneity, Review of Economics and Statistics 99(4), 698–709.
//   - Feir, Lemieux & Marmer (2016), Weak identification in fuzzy regression discontinuity designs, JBES 34(2), 185–196.
//   - Cattaneo, Titiunik & Vazquez-Bare (2019), Power calculations for regression-discontinuity designs, Stata Journal 19(1), 210–245.
//   - Cattaneo, Titiunik & Vazquez-Bare (2020), Analysis of regression-discontinuity designs with multiple cutoffs or multiple scores, Stata Journal 20(4), 866–891.
//   - Cattaneo, Jansson & Ma (2020), Simple local polynomial density estimators, JASA 115(531), 1449–1455.
//   - Cattaneo, Frandsen & Titiunik (2015), Randomization inference in the regression discontinuity design, Journal of Causal Inference 3(1), 1–24.
package rd
