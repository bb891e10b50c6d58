package child

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreTerm says that it is ready and blocks, deaf to SIGTERM.
func ignoreTerm() {
	signal.Ignore(syscall.SIGTERM)
	_ = os.WriteFile(os.Getenv("READY"), nil, 0o600)
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGUSR2)
	<-never
}
