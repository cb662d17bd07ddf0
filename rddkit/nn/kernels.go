package nn

// The loops over single numbers. Channels are innermost; each channel's sums
// run over the rows in order. Products are rounded before they are added
// (float32(…), float64(…)), so that no processor fuses the two and all agree
// to the bit; a product of two float32 is exact in float64 anyway. Where the
// processor has them, vector versions take eight numbers at a time.

// rectify replaces negative numbers by 0.
func rectify(x []float32) {
	if n := len(x) &^ 7; vectors && n > 0 {
		rectifyAVX2(&x[0], n)
		x = x[n:]
	}
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// addRow adds row to every row of x.
func addRow(x, row []float32) {
	for ; len(x) > 0; x = x[len(row):] {
		add(x[:len(row)], row)
	}
}

// sumRows adds the columns of x to sum.
func sumRows(sum []float64, x []float32) {
	for ; len(x) > 0; x = x[len(sum):] {
		for c, v := range x[:len(sum)] {
			sum[c] += float64(v)
		}
	}
}

// moments adds the columns of x, and of x squared, to sum and square.
func moments(sum, square []float64, x []float32) {
	channels := len(sum)
	square = square[:channels]
	if vectors && channels%8 == 0 {
		momentsAVX2(&sum[0], &square[0], &x[0], channels, len(x)/channels)
		return
	}
	for ; len(x) > 0; x = x[channels:] {
		for c, v := range x[:channels] {
			d := float64(v)
			sum[c] += d
			square[c] += float64(d * d)
		}
	}
}

// products adds the columns of g, and of g times x, to sum and product.
func products(sum, product []float64, g, x []float32) {
	channels := len(sum)
	product = product[:channels]
	for ; len(g) > 0; g, x = g[channels:], x[channels:] {
		at := x[:channels]
		for c, v := range g[:channels] {
			d := float64(v)
			sum[c] += d
			product[c] += float64(d * float64(at[c]))
		}
	}
}

// affineRows sets every row of y to scale x + shift.
func affineRows(y, x, scale, shift []float32) {
	channels := len(scale)
	shift = shift[:channels]
	for ; len(x) > 0; x, y = x[channels:], y[channels:] {
		to := y[:channels]
		for c, v := range x[:channels] {
			to[c] = float32(v*scale[c]) + shift[c]
		}
	}
}

// A row of pooling windows has the pixels of two rows of a feature map, top
// and bottom; pixels 0 and 1 of a window lie in the first, 2 and 3 in the
// second.

// pool sets y, for each window of a row, to the largest of scale x + shift
// over its pixels, and winner to the first pixel that has it.
func pool(y []float32, winner []uint8, top, bottom, scale, shift []float32) {
	channels := len(scale)
	windows := len(y) / channels
	winner, top, bottom, shift = winner[:len(y)], top[:2*len(y)], bottom[:2*len(y)], shift[:channels]
	if vectors && channels%8 == 0 {
		poolAVX2(&y[0], &winner[0], &top[0], &bottom[0], &scale[0], &shift[0], channels, windows)
		return
	}
	for i := range windows {
		to, first := y[i*channels:(i+1)*channels], winner[i*channels:(i+1)*channels]
		x0, x1 := top[2*i*channels:][:channels], top[(2*i+1)*channels:][:channels]
		x2, x3 := bottom[2*i*channels:][:channels], bottom[(2*i+1)*channels:][:channels]
		for c, a := range scale {
			b := shift[c]
			best, at := float32(x0[c]*a)+b, uint8(0)
			if v := float32(x1[c]*a) + b; v > best {
				best, at = v, 1
			}
			if v := float32(x2[c]*a) + b; v > best {
				best, at = v, 2
			}
			if v := float32(x3[c]*a) + b; v > best {
				best, at = v, 3
			}
			to[c], first[c] = best, at
		}
	}
}

// pooledProducts is products for gradients g at the outputs of a row of
// windows, which belong to the winners.
func pooledProducts(sum, product []float64, g []float32, winner []uint8, top, bottom []float32) {
	channels := len(sum)
	windows := len(g) / channels
	product, winner, top, bottom = product[:channels], winner[:len(g)], top[:2*len(g)], bottom[:2*len(g)]
	if vectors && channels%8 == 0 {
		pooledProductsAVX2(&sum[0], &product[0], &g[0], &winner[0], &top[0], &bottom[0], channels, windows)
		return
	}
	for i := range windows {
		for c, v := range g[i*channels : (i+1)*channels] {
			pixel := winner[i*channels+c]
			row := top
			if pixel > 1 {
				row = bottom
			}
			d := float64(v)
			sum[c] += d
			product[c] += float64(d * float64(row[(2*i+int(pixel&1))*channels+c]))
		}
	}
}

// unpool sets the gradients top and bottom of two rows of a feature map to g
// at the winners of a row of windows and to 0 elsewhere.
func unpool(top, bottom, g []float32, winner []uint8, channels int) {
	windows := len(g) / channels
	winner, top, bottom = winner[:len(g)], top[:2*len(g)], bottom[:2*len(g)]
	if vectors && channels%8 == 0 {
		unpoolAVX2(&top[0], &bottom[0], &g[0], &winner[0], channels, windows)
		return
	}
	clear(top)
	clear(bottom)
	for i := range windows {
		for c, v := range g[i*channels : (i+1)*channels] {
			pixel := winner[i*channels+c]
			row := top
			if pixel > 1 {
				row = bottom
			}
			row[(2*i+int(pixel&1))*channels+c] = v
		}
	}
}

// throughNormal turns d, the gradient at a normalisation's output, into that
// at its input x: carry d − offset − slope (x − mean).
func throughNormal(d, x, carry, offset, slope, mean []float32) {
	channels := len(carry)
	x, offset, slope, mean = x[:len(d)], offset[:channels], slope[:channels], mean[:channels]
	if vectors && channels%8 == 0 {
		throughNormalAVX2(&d[0], &x[0], &carry[0], &offset[0], &slope[0], &mean[0], channels, len(d)/channels)
		return
	}
	for ; len(d) > 0; d, x = d[channels:], x[channels:] {
		row, at := d[:channels], x[:channels]
		for c, v := range row {
			row[c] = float32(v*carry[c]) - offset[c] - float32(slope[c]*(at[c]-mean[c]))
		}
	}
}

// throughReLU clears d where the output x of the ReLU is not positive.
func throughReLU(d, x []float32) {
	x = x[:len(d)]
	if n := len(d) &^ 7; vectors && n > 0 {
		throughReLUAVX2(&d[0], &x[0], n)
		d, x = d[n:], x[n:]
	}
	for i, v := range x {
		if !(v > 0) {
			d[i] = 0
		}
	}
}

// add adds x to y.
func add(y, x []float32) {
	x = x[:len(y)]
	if n := len(y) &^ 7; vectors && n > 0 {
		addAVX2(&y[0], &x[0], n)
		x, y = x[n:], y[n:]
	}
	for i, v := range x {
		y[i] += v
	}
}

// gatherRow lays the patches of a row of pixels side by side. A patch is
// kernel runs of the image, stride apart; those of the next pixel begin step
// later.
func gatherRow(patches, image []float32, pixels, step, kernel, run, stride int) {
	patches = patches[:pixels*kernel*run]
	image = image[:(pixels-1)*step+(kernel-1)*stride+run]
	if vectors && run >= 8 {
		gatherAVX2(&patches[0], &image[0], pixels, step, kernel, run, stride)
		return
	}
	for c := range pixels {
		for from := c * step; from < c*step+kernel*stride; from += stride {
			copy(patches[:run], image[from:from+run])
			patches = patches[run:]
		}
	}
}

// descend is one step of SGD.
func descend(value, gradient, m []float32, rate, momentum, decay float32) {
	gradient, m = gradient[:len(value)], m[:len(value)]
	if n := len(value) &^ 7; vectors && n > 0 {
		descendAVX2(&value[0], &gradient[0], &m[0], n, rate, momentum, decay)
		value, gradient, m = value[n:], gradient[n:], m[n:]
	}
	for i, v := range value {
		g := gradient[i] + float32(decay*v)
		b := float32(momentum*m[i]) + g
		m[i] = b
		value[i] = v - float32(rate*b)
	}
}

// shrink subtracts decay x from x.
func shrink(x []float32, decay float32) {
	for i, v := range x {
		x[i] = v - float32(decay*v)
	}
}
