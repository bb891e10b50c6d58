package pipeline

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// URL is where the status page is.
func (c HTTPConfig) URL() string {
	if c.TLSCertFile != "" {
		return "https://" + c.Addr
	}
	return "http://" + c.Addr
}

func (c HTTPConfig) faults() []keyFault {
	var f []keyFault
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		f = append(f, keyFault{"http.addr", fmt.Errorf("got %q, want host:port", c.Addr)})
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		f = append(f, keyFault{"http." + given(c.TLSCertFile, "tls_cert_file", "tls_key_file"), errors.New("tls_cert_file and tls_key_file go together: give both or none")})
	}
	if c.Token != "" && c.TokenFile != "" {
		f = append(f, keyFault{"http.token_file", errors.New("token and token_file exclude each other: give one")})
	}
	return f
}

// secret is the token that requests must carry, "" for none.
func (c HTTPConfig) secret() (string, error) {
	if c.TokenFile == "" {
		return c.Token, nil
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("read http.token_file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("http.token_file %s is empty: write a token into it, or leave the key out", c.TokenFile)
	}
	return token, nil
}

// tls is nil where the server speaks plain HTTP.
func (c HTTPConfig) tls() (*tls.Config, error) {
	if c.TLSCertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCertFile, c.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read http.tls_cert_file and http.tls_key_file: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// guard lets through requests that carry the token: as a bearer token, or as the
// password of any user, so that a browser can ask for it. Health needs none. No other
// site's page may post from a browser that knows the token. let says of a request without it that another one lets it through.
func guard(token string, next http.Handler, let ...func(*http.Request) bool) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	if token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/-/healthy") && !strings.HasPrefix(r.URL.Path, "/-/ready") && !carries(r, token) &&
			!slices.ContainsFunc(let, func(lets func(*http.Request) bool) bool { return lets(r) }) {
			w.Header().Set("WWW-Authenticate", `Basic realm="Weir"`)
			http.Error(w, "send the token of weir.yaml (http.token) as a bearer token, or as the password of any user", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shownToken is the token of a request, and the name of a user where it has one.
func shownToken(r *http.Request) (user, token string) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		user, token, _ = r.BasicAuth()
	}
	return user, token
}

func carries(r *http.Request, token string) bool {
	_, given := shownToken(r)
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(given)) // equal lengths compare in equal time
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
