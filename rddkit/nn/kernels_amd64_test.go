package nn

func setVectors(v bool) { vectors = v }
