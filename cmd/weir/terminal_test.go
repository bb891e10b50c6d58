package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal of the kernel with what it shows. It knows what the
// demo writes: text, line ends, n lines up (CSI n A), clear to the end (CSI J).
type terminal struct {
	t       *testing.T
	keys    *os.File // what is typed goes in, what is shown comes out
	device  *os.File // the program's side
	columns int
	shown   sync.WaitGroup

	mu       sync.Mutex
	screen   [][]rune // a fixed number of rows
	row      int
	column   int
	sequence string // an escape sequence that is not at its end
}

func openTerminal(t *testing.T, columns, rows int) *terminal {
	t.Helper()
	keys, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open a pseudo-terminal: %v", err)
	}
	x := &terminal{t: t, keys: os.NewFile(uintptr(keys), "/dev/ptmx"), columns: columns, screen: make([][]rune, rows)}
	t.Cleanup(func() { _ = x.keys.Close() })
	number, err := unix.IoctlGetInt(keys, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(keys, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(keys, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)})
	}
	if err == nil {
		x.device, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatalf("set the pseudo-terminal up: %v", err)
	}
	t.Cleanup(func() { _ = x.device.Close() })
	return x
}

// run starts the program with this terminal as its own. wait ends when it has ended
// and all that it wrote is shown.
func (x *terminal) run(args ...string) (command *exec.Cmd, wait func() error) {
	x.t.Helper()
	command = exec.CommandContext(x.t.Context(), program, args...)
	command.Stdin, command.Stdout, command.Stderr = x.device, x.device, x.device
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		x.t.Fatal(err)
	}
	_ = x.device.Close() // the program has its own
	x.shown.Go(x.show)
	return command, func() error { defer x.shown.Wait(); return command.Wait() }
}

// show takes over what the program writes until it has ended: then a read fails.
func (x *terminal) show() {
	buffer := make([]byte, 64<<10)
	var part []byte // of a character
	for {
		n, err := x.keys.Read(buffer)
		x.mu.Lock()
		for part = append(part, buffer[:n]...); utf8.FullRune(part); {
			r, length := utf8.DecodeRune(part)
			part = part[length:]
			x.put(r)
		}
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *terminal) put(r rune) {
	switch {
	case x.sequence != "" || r == '\x1b':
		x.escape(r)
	case r == '\r':
		x.column = 0
	case r == '\n':
		x.down()
	default:
		if x.column == x.columns {
			x.column = 0
			x.down()
		}
		line := append(x.screen[x.row], []rune(strings.Repeat(" ", x.columns))...)[:x.columns]
		line[x.column] = r
		x.screen[x.row] = line
		x.column++
	}
}

func (x *terminal) down() {
	if x.row++; x.row == len(x.screen) {
		x.row--
		x.screen = append(x.screen[1:], nil)
	}
}

func (x *terminal) escape(r rune) {
	x.sequence += string(r)
	count := 0
	switch {
	case len(x.sequence) < 3 || r >= '0' && r <= '9':
		return
	case r == 'A':
		if _, err := fmt.Sscanf(x.sequence, "\x1b[%dA", &count); err != nil {
			x.t.Errorf("the program wrote %q: %v", x.sequence, err)
		}
		x.row = max(x.row-count, 0)
	case x.sequence == "\x1b[J":
		x.screen[x.row] = x.screen[x.row][:min(x.column, len(x.screen[x.row]))]
		for below := x.row + 1; below < len(x.screen); below++ {
			x.screen[below] = nil
		}
	default:
		x.t.Errorf("the program wrote %q, which this terminal does not know", x.sequence)
	}
	x.sequence = ""
}

// text is what the terminal shows, a line for each row.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out strings.Builder
	for _, row := range x.screen {
		out.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return out.String()
}
