package pipeline

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// controlPath is where commands and routes are read and written.
const controlPath = "/api/v1/control"

// controlWriter may write over HTTP.
type controlWriter struct {
	name string
	sum  [sha256.Size]byte // of the token
}

// readWriters reads the file that names who may write. It is read for each request that writes: who is taken out cannot write any more.
func readWriters(path string) ([]controlWriter, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read control.writers_file: %w", err)
	}
	var writers []controlWriter
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		writer := controlWriter{name: fields[0]}
		if len(fields) != 2 {
			return nil, fmt.Errorf("control.writers_file %s:%d: want a name and the SHA-256 of a token", path, number)
		}
		if n, err := hex.Decode(writer.sum[:], []byte(fields[1])); err != nil || n != len(writer.sum) || len(fields[1]) != 2*len(writer.sum) {
			return nil, fmt.Errorf("control.writers_file %s:%d: want the SHA-256 of %s's token in 64 hexadecimal digits, as printf %%s TOKEN | sha256sum says", path, number, writer.name)
		}
		writers = append(writers, writer)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read control.writers_file: %w", err)
	}
	return writers, nil
}

var (
	errNoWriters = errors.New("nobody may write here: name who may in control.writers_file of weir.yaml")
	errNoWriter  = errors.New("send a token of control.writers_file as a bearer token, or as the password of the user that it names")
)

// author is who a request to write is of.
func (p *Pipeline) author(r *http.Request) (string, error) {
	if p.config.Control.WritersFile == "" {
		return "", errNoWriters
	}
	writers, err := readWriters(p.config.Control.WritersFile)
	if err != nil {
		return "", err
	}
	user, token := shownToken(r)
	sum, author := sha256.Sum256([]byte(token)), ""
	for i := range writers { // all are compared, so that the time tells nothing
		if subtle.ConstantTimeCompare(sum[:], writers[i].sum[:]) == 1 && (user == "" || user == writers[i].name) {
			author = writers[i].name
		}
	}
	if token == "" || author == "" {
		return "", errNoWriter
	}
	return author, nil
}

// mayWriteControl says whether a request is for commands, by somebody who may write them.
func (p *Pipeline) mayWriteControl(r *http.Request) bool {
	if r.URL.Path != controlPath && !strings.HasPrefix(r.URL.Path, controlPath+"/") {
		return false
	}
	_, err := p.author(r)
	return err == nil
}
