package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestPart(t *testing.T) {
	for _, e := range engines {
		for _, v := range []string{e.index, e.first, e.last, e.step, e.count} {
			if v != "" {
				t.Setenv(v, "") // registers the old value
				os.Unsetenv(v)
			}
		}
	}
	t.Setenv(partVariable, "")
	for _, c := range []struct {
		flag, environment, want string // want: "k/n", or a word of the error
	}{
		{"", "", "1/1"},
		{"2/3", "", "2/3"},
		{"all", "SLURM_ARRAY_TASK_ID=4", "1/1"},
		{"0/3", "", "K/N"}, {"4/3", "", "K/N"}, {"3", "", "K/N"}, {"a/b", "", "K/N"}, {"1/-2", "", "K/N"}, {"/3", "", "K/N"},
		{"", "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_STEP=4", "2/3"},
		{"", "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_STEP=4", "SLURM_ARRAY_TASK_ID"},
		{"2/7", "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=8", "2/7"},
		{"", "JOB_COMPLETION_INDEX=0 JOB_COMPLETIONS=12", "1/12"},
		{"", "JOB_COMPLETION_INDEX=11 RDDKIT_PARTS=12", "12/12"},
		{"/12", "JOB_COMPLETION_INDEX=11", "12/12"},
		{"", "JOB_COMPLETION_INDEX=11", "of how many"},
		{"", "JOB_COMPLETION_INDEX=12 JOB_COMPLETIONS=12", "JOB_COMPLETION_INDEX"},
		{"", "AWS_BATCH_JOB_ARRAY_INDEX=9 AWS_BATCH_JOB_ARRAY_SIZE=10", "10/10"},
		{"", "SGE_TASK_ID=undefined SGE_TASK_FIRST=undefined", "1/1"},
		{"", "SGE_TASK_ID=3 SGE_TASK_FIRST=1 SGE_TASK_LAST=9 SGE_TASK_STEPSIZE=2", "2/5"},
		{"", "SGE_TASK_ID=3 SGE_TASK_FIRST=one SGE_TASK_LAST=9", "SGE_TASK_FIRST"},
		{"/6", "PBS_ARRAY_INDEX=6", "6/6"},
		{"", "PBS_ARRAY_INDEX=6", "of how many"},
		{"", "PBS_ARRAYID=1 RDDKIT_PARTS=2", "1/2"},
		{"", "LSB_JOBINDEX=0", "1/1"},
		{"/4", "LSB_JOBINDEX=4", "4/4"},
		{"", "AWS_BATCH_JOB_ARRAY_INDEX=x AWS_BATCH_JOB_ARRAY_SIZE=10", "AWS_BATCH_JOB_ARRAY_INDEX"},
		{"", "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_STEP=0", "SLURM_ARRAY_TASK_STEP"},
	} {
		var names []string
		for v := range strings.FieldsSeq(c.environment) {
			name, value, _ := strings.Cut(v, "=")
			os.Setenv(name, value)
			names = append(names, name)
		}
		p, err := parsePart(c.flag)
		if got := fmt.Sprintf("%d/%d", p.k, p.n); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("-part %q with %s: %s, %v; want %s", c.flag, c.environment, got, err, c.want)
		}
		for _, name := range names {
			os.Unsetenv(name)
		}
	}
}
