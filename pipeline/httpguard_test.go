package pipeline

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	handler := guard("s3cret", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, c := range []struct {
		name   string
		method string
		path   string
		set    func(*http.Request)
		want   int
	}{
		{"no token", "GET", "/metrics", func(*http.Request) {}, http.StatusUnauthorized},
		{"wrong token", "GET", "/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer s3cre") }, http.StatusUnauthorized},
		{"bearer token", "GET", "/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer s3cret") }, http.StatusNoContent},
		{"password", "GET", "/", func(r *http.Request) { r.SetBasicAuth("anyone", "s3cret") }, http.StatusNoContent},
		{"health needs none", "GET", "/-/healthy", func(*http.Request) {}, http.StatusNoContent},
		{"readiness needs none", "GET", "/-/ready", func(*http.Request) {}, http.StatusNoContent},
		{"reload needs one", "POST", "/-/reload", func(*http.Request) {}, http.StatusUnauthorized},
		{"another site's page", "POST", "/-/reload", func(r *http.Request) {
			r.SetBasicAuth("anyone", "s3cret")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, http.StatusForbidden},
	} {
		request := httptest.NewRequest(c.method, c.path, nil)
		c.set(request)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != c.want {
			t.Errorf("%s: got status %d, want %d", c.name, recorder.Code, c.want)
		}
	}
}

// TestServesTLS runs a pipeline's server with a certificate and a token from a file.
func TestServesTLS(t *testing.T) {
	dir := t.TempDir()
	config := DefaultConfig()
	config.HTTP = HTTPConfig{Addr: "127.0.0.1:0", TokenFile: filepath.Join(dir, "token"),
		TLSCertFile: filepath.Join(dir, "cert.pem"), TLSKeyFile: filepath.Join(dir, "key.pem")}
	config.Rules.Dir = "../rules.d"
	writeCertificate(t, config.HTTP)
	if got := config.HTTP.URL(); got != "https://127.0.0.1:0" {
		t.Errorf("got URL %s, want https", got)
	}
	if err := os.WriteFile(config.HTTP.TokenFile, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := p.listen()
	if err != nil {
		t.Fatal(err)
	}
	done := p.serve(t.Context(), listener)
	t.Cleanup(func() { <-done })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+listener.Addr().String()+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer s3cret")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.TLS == nil {
		t.Errorf("got status %s over %v", response.Status, response.TLS)
	}
	client.CloseIdleConnections()
}

func writeCertificate(t *testing.T, config HTTPConfig) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{config.TLSCertFile: {Type: "CERTIFICATE", Bytes: certificate},
		config.TLSKeyFile: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
