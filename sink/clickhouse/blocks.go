package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// blockReader asks for rows and takes them in blocks of columns, as ClickHouse has them: the driver makes values of them, one by one.
type blockReader interface {
	// query calls onBlock whenever result has a block's rows. An answer that is cut short is an error, and so is what ClickHouse
	// says in the middle of one; no error says the password.
	query(ctx context.Context, sql string, result proto.Result, onBlock func() error) error
	close()
}

// newBlockReader returns one for the protocol of a DSN.
func newBlockReader(options *driver.Options) blockReader {
	settings := map[string]string{}
	for _, from := range []driver.Settings{options.Settings, readSettings} {
		for name, value := range from {
			if custom, ok := value.(driver.CustomSetting); ok {
				value = custom.Value
			}
			settings[name] = fmt.Sprint(value)
		}
	}
	a := asking{options: options, settings: settings, compression: options.Compression}
	if options.Protocol == driver.HTTP {
		return newHTTPBlocks(a)
	}
	return &nativeBlocks{a}
}

// asking is what both protocols need to know.
type asking struct {
	options     *driver.Options
	settings    map[string]string
	compression *driver.Compression // as the DSN has it
}

// settingNames are those that are set, in an order.
func (a *asking) settingNames() []string { return slices.Sorted(maps.Keys(a.settings)) }

// compressed says whether blocks of an address come compressed: as the DSN says, else where they come over a network. Within one
// machine LZ4 takes more CPU time on both sides than it saves.
func (a *asking) compressed(address string) bool {
	if a.compression != nil {
		return a.compression.Method != driver.CompressionNone
	}
	return !isLoopback(address)
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// errNoAnswer is of an address that gave no answer.
var errNoAnswer = errors.New("ClickHouse does not answer")

// each asks the addresses in their order, until one answers.
func (a *asking) each(ask func(address string) error) error {
	var failed []error
	for _, address := range a.options.Addr {
		err := ask(address)
		if !errors.Is(err, errNoAnswer) {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
