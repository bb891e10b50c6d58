package broker

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile is held by the one broker that a folder belongs to. The kernel lets go of it when the process ends, however.
const lockFile = "broker.lock"

// lock takes a data folder. The error says who has it.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the broker's data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(file, 64)) // who it is helps, and is not needed
		_ = file.Close()
		return nil, fmt.Errorf("lock the broker's data folder %s: process %s has it: %w; stop that one or choose another folder",
			dir, strings.TrimSpace(string(holder)), err)
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(file, os.Getpid())
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock the broker's data folder: %w", err)
	}
	return file, nil
}
