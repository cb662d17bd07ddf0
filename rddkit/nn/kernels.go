package nn

// The loops over single numbers. Channels are innermost; each channel's sums
// run over the rows in order. Products are rounded before they are added
// (float32(…), float64(…)), so that no processor fuses the two and all agree
// to the bit; a product of two float32 is exact in float64 anyway.

// rectify replaces negative numbers by 0.
func rectify(x []float32) {
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// addRow adds row to every row of x.
func addRow(x, row []float32) {
	for len(x) > 0 {
		head := x[:len(row)]
		for c, v := range row {
			head[c] += v
		}
		x = x[len(row):]
	}
}

// sumRows adds the columns of x to sum.
func sumRows(sum []float64, x []float32) {
	for len(x) > 0 {
		row := x[:len(sum)]
		for c, v := range row {
			sum[c] += float64(v)
		}
		x = x[len(sum):]
	}
}

// moments adds the columns of x, and of x squared, to sum and square.
func moments(sum, square []float64, x []float32) {
	square = square[:len(sum)]
	for len(x) > 0 {
		row := x[:len(sum)]
		for c, v := range row {
			d := float64(v)
			sum[c] += d
			square[c] += float64(d * d)
		}
		x = x[len(sum):]
	}
}

// products adds the columns of g, and of g times x, to sum and product.
func products(sum, product []float64, g, x []float32) {
	product = product[:len(sum)]
	for len(g) > 0 {
		row, at := g[:len(sum)], x[:len(sum)]
		for c, v := range row {
			d := float64(v)
			sum[c] += d
			product[c] += float64(d * float64(at[c]))
		}
		g, x = g[len(sum):], x[len(sum):]
	}
}

// affineRows sets every row of y to scale x + shift.
func affineRows(y, x, scale, shift []float32) {
	shift = shift[:len(scale)]
	for len(x) > 0 {
		from, to := x[:len(scale)], y[:len(scale)]
		for c, v := range from {
			to[c] = float32(v*scale[c]) + shift[c]
		}
		x, y = x[len(scale):], y[len(scale):]
	}
}

// pool sets y to the largest of scale x + shift over the four pixels of a
// window, and winner to the first pixel (0 to 3, by rows) that has it.
func pool(y []float32, winner []uint8, x0, x1, x2, x3, scale, shift []float32) {
	n := len(y)
	winner, x0, x1, x2, x3, scale, shift = winner[:n], x0[:n], x1[:n], x2[:n], x3[:n], scale[:n], shift[:n]
	for c := range y {
		a, b := scale[c], shift[c]
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
		y[c], winner[c] = best, at
	}
}

// pooledProducts is products for gradients g behind a pooling window, which
// went to the winner.
func pooledProducts(sum, product []float64, g []float32, winner []uint8, x0, x1, x2, x3 []float32) {
	n := len(g)
	sum, product, winner, x0, x1, x2, x3 = sum[:n], product[:n], winner[:n], x0[:n], x1[:n], x2[:n], x3[:n]
	for c, v := range g {
		x := x0[c]
		switch winner[c] {
		case 1:
			x = x1[c]
		case 2:
			x = x2[c]
		case 3:
			x = x3[c]
		}
		d := float64(v)
		sum[c] += d
		product[c] += float64(d * float64(x))
	}
}

// unpool sets d to g where winner is pixel and to 0 elsewhere.
func unpool(d, g []float32, winner []uint8, pixel uint8) {
	g, winner = g[:len(d)], winner[:len(d)]
	for c := range d {
		v := g[c]
		if winner[c] != pixel {
			v = 0
		}
		d[c] = v
	}
}

// throughNormal turns d, the gradient at a normalisation's output, into that
// at its input x: carry d − offset − slope (x − mean).
func throughNormal(d, x, carry, offset, slope, mean []float32) {
	n := len(carry)
	offset, slope, mean = offset[:n], slope[:n], mean[:n]
	for len(d) > 0 {
		row, at := d[:n], x[:n]
		for c, v := range row {
			row[c] = float32(v*carry[c]) - offset[c] - float32(slope[c]*(at[c]-mean[c]))
		}
		d, x = d[n:], x[n:]
	}
}

// throughReLU clears d where the output x of the ReLU is not positive.
func throughReLU(d, x []float32) {
	x = x[:len(d)]
	for i, v := range x {
		if !(v > 0) {
			d[i] = 0
		}
	}
}

// add adds x to y.
func add(y, x []float32) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] += v
	}
}

// descend is one step of SGD.
func descend(value, gradient, m []float32, rate, momentum, decay float32) {
	gradient, m = gradient[:len(value)], m[:len(value)]
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
