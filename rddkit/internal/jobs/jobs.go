// Package jobs carries out several jobs at once, and shows them as one.
package jobs

import "sync"

// Sum adds the progress of several jobs up. Jobs that have not begun are taken to
// be as long as the others.
type Sum struct {
	mutex          sync.Mutex
	done, total    []int
	allDone, known int
	allTotal       int
	tell           func(done, total int, text string)
}

// NewSum returns the sum of n jobs, which is told with every change of one. tell
// may be nil.
func NewSum(n int, tell func(done, total int, text string)) *Sum {
	return &Sum{done: make([]int, n), total: make([]int, n), tell: tell}
}

// Part is what job i tells of itself. It may be called from several goroutines.
func (s *Sum) Part(i int) func(done, total int, text string) {
	return func(done, total int, text string) {
		if s.tell == nil {
			return
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.total[i] > 0 {
			s.known--
		}
		if total > 0 {
			s.known++
		}
		s.allDone, s.allTotal = s.allDone+done-s.done[i], s.allTotal+total-s.total[i]
		s.done[i], s.total[i] = done, total
		s.tell(s.allDone, s.allTotal*len(s.total)/max(s.known, 1), text)
	}
}
