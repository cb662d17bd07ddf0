// Package slurmtest starts a real Slurm for tests: two nodes of one core each, all
// on this machine, without systemd.
package slurmtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Cluster is a Slurm that is at work. Its commands find it by SLURM_CONF, which
// Start sets for the test.
type Cluster struct {
	Dir     string
	t       testing.TB
	daemons map[string]*exec.Cmd
}

// Nodes are the names of the nodes.
var Nodes = []string{"n1", "n2"}

// programs are in Debian's munge, slurmctld, slurmd and slurm-client.
var programs = []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo"}

// Start starts a Slurm and ends it, by the ids of its processes, when the test
// ends. It skips the test, and says why, where Slurm is not installed.
func Start(t testing.TB) *Cluster {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("skipped: Slurm runs on Linux")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("skipped: Slurm is not installed (%v); on Debian: apt-get install munge slurmctld slurmd slurm-client", err)
		}
	}
	dir, err := os.MkdirTemp("", "slurm") // sockets have short names
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Dir: dir, t: t, daemons: make(map[string]*exec.Cmd)}
	t.Cleanup(c.end)
	c.write()
	t.Setenv("SLURM_CONF", c.path("slurm.conf"))
	c.daemon("munged", "munged", "--foreground", "--force", "--key-file", c.path("key"), "--socket", c.path("munge"),
		"--pid-file", c.path("munged.pid"), "--log-file", c.path("munged.log"), "--seed-file", c.path("seed"))
	c.wait("munged's socket", func() bool {
		info, err := os.Stat(c.path("munge"))
		return err == nil && info.Mode().Type() == os.ModeSocket
	})
	c.daemon("slurmctld", "slurmctld", "-D")
	for _, node := range Nodes {
		c.StartNode(node)
	}
	c.wait("the nodes", func() bool {
		out, _ := exec.Command("sinfo", "-h", "-N", "-o", "%N %T").Output()
		return strings.Count(string(out), " idle") == len(Nodes)
	})
	return c
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

// StartNode starts a node's slurmd.
func (c *Cluster) StartNode(node string) { c.daemon(node, "slurmd", "-D", "-N", node) }

func (c *Cluster) spool(node string) string { return c.path("spool-" + node) }

// KillNode kills a node's slurmd, as if its machine had lost its power, with the
// processes of the jobs on it.
func (c *Cluster) KillNode(node string) {
	c.t.Helper()
	daemon := c.daemons[node]
	delete(c.daemons, node)
	_ = daemon.Process.Kill()
	_ = daemon.Wait()
	for _, pid := range c.processes(node) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
}

// Run runs one of Slurm's commands and returns what it prints.
func (c *Cluster) Run(name string, args ...string) string {
	c.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (c *Cluster) daemon(name, program string, args ...string) {
	c.t.Helper()
	log, err := os.Create(c.path(fmt.Sprintf("%s-%d.out", name, time.Now().UnixNano())))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	d := exec.Command(program, args...)
	d.Stdout, d.Stderr = log, log
	if slices.Contains(Nodes, name) {
		d.Dir = c.spool(name)
	}
	if err := d.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.daemons[name] = d
}

// wait waits up to a minute for what must come.
func (c *Cluster) wait(what string, done func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for !done() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			var logs bytes.Buffer
			outputs, _ := filepath.Glob(c.path("*.out"))
			more, _ := filepath.Glob(c.path("*.log"))
			for _, path := range append(outputs, more...) {
				text, _ := os.ReadFile(path)
				fmt.Fprintf(&logs, "%s:\n%s\n", filepath.Base(path), text[max(0, len(text)-2000):])
			}
			c.t.Fatalf("%s did not come\n%s", what, &logs)
		}
	}
}

// end ends the nodes with their jobs, then the other daemons.
func (c *Cluster) end() {
	for _, node := range Nodes {
		if c.daemons[node] != nil {
			c.KillNode(node)
		}
	}
	for _, name := range []string{"slurmctld", "munged"} {
		if d := c.daemons[name]; d != nil {
			_ = d.Process.Kill()
			_ = d.Wait()
		}
	}
	if c.t.Failed() {
		c.t.Logf("Slurm's logs are in %s", c.Dir)
		return
	}
	_ = os.RemoveAll(c.Dir)
}

// write writes the key and slurm.conf.
func (c *Cluster) write() {
	key := make([]byte, 128)
	rand.Read(key)
	me, err := user.Current()
	if err != nil {
		c.t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		c.t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	var conf strings.Builder
	fmt.Fprintf(&conf, `ClusterName=test
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
AuthType=auth/munge
AuthInfo=socket=%s
CryptoType=crypto/munge
SlurmUser=%[4]s
SlurmdUser=%[4]s
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SlurmctldPidFile=%[5]s/slurmctld.pid
SlurmdPidFile=%[5]s/slurmd-%%n.pid
SlurmdSpoolDir=%[5]s/spool-%%n
StateSaveLocation=%[5]s/state
SlurmctldLogFile=%[5]s/slurmctld.log
SlurmdLogFile=%[5]s/slurmd-%%n.log
SlurmdTimeout=10
KillWait=5
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=2
`, host, port(c.t), c.path("munge"), me.Username, c.Dir)
	for _, node := range Nodes {
		fmt.Fprintf(&conf, "NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=1 RealMemory=4000\n", node, host, port(c.t))
		c.mkdir("spool-" + node)
	}
	fmt.Fprintln(&conf, "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
	c.mkdir("state")
	for name, text := range map[string]string{"key": string(key), "slurm.conf": conf.String()} {
		if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *Cluster) mkdir(name string) {
	if err := os.MkdirAll(c.path(name), 0o755); err != nil {
		c.t.Fatal(err)
	}
}

// port is one that was free just now.
func port(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// processes are those of a node's jobs and of what watches over them, which is no
// child of slurmd: they know this cluster's slurm.conf, and name their node or
// work in its spool folder.
func (c *Cluster) processes(node string) []int {
	var found []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		environment, err := os.ReadFile(filepath.Join(folder, "environ"))
		variables := strings.Split(string(environment), "\x00")
		if err != nil || !slices.Contains(variables, "SLURM_CONF="+c.path("slurm.conf")) {
			continue
		}
		directory, _ := os.Readlink(filepath.Join(folder, "cwd"))
		if directory != c.spool(node) && !slices.Contains(variables, "SLURMD_NODENAME="+node) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			found = append(found, pid)
		}
	}
	return found
}
