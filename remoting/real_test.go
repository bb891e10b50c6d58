package remoting

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/rocketmq"
)

// patience bounds every wait for RocketMQ. Below 10 s a busy machine is taken for a fault; above a minute a broken broker is waited
// for in vain.
const patience = 45 * time.Second

// What the real cluster holds: messages of a producer, all consumed by a consumer that is still connected.
const (
	realTopic     = "orders"
	realProducers = "writers"
	realConsumers = "readers"
	realMessages  = 40
	realAccessKey = "rocketmq"
	realSecretKey = "12345678"
)

// cluster is a real name server, a broker with access control that speaks TLS too, and clients.
type cluster struct {
	dir                string
	nameServer, broker string         // addresses
	roots              *x509.CertPool // of the broker's certificate
	stops              []func()
	said               child.Output
}

// sharedCluster starts the one cluster of all tests of this package when the first asks for it; TestMain stops it.
var (
	sharedCluster = sync.OnceValues(startCluster)
	started       *cluster // what was begun of it
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		for _, stop := range started.stops {
			stop()
		}
		_ = os.RemoveAll(started.dir)
	}
	os.Exit(code)
}

// realCluster is the cluster, for a test that waits for it.
func realCluster(t *testing.T) *cluster {
	t.Helper()
	c, err := sharedCluster()
	if err != nil {
		t.Fatalf("%v; it printed\n%s", err, &started.said)
	}
	return c
}

func startCluster() (*cluster, error) {
	dir, err := os.MkdirTemp("", "weir-rocketmq-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	started = c
	jars, err := parts.RocketMQ()
	if err != nil {
		return nil, err
	}
	config := func(folder string) rocketmq.Config {
		return rocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, folder), LogWriter: &c.said}
	}
	nameServer, err := rocketmq.StartNameServer(context.Background(), config("namesrv"))
	if err != nil {
		return nil, err
	}
	c.nameServer, c.stops = nameServer.Addr(), append(c.stops, nameServer.Kill)
	brokerConfig := config("broker")
	if brokerConfig.JVM, err = c.certify(); err != nil {
		return nil, err
	}
	brokerConfig.Options = accessControl()
	broker, err := rocketmq.StartBroker(context.Background(), brokerConfig, c.nameServer)
	if err != nil {
		return nil, err
	}
	c.broker, c.stops = broker.Addr(), append(c.stops, broker.Kill)
	clients, err := rocketmq.StartTraffic(context.Background(), config("traffic"), rocketmq.Traffic{NameServer: c.nameServer, Broker: c.broker, Topic: realTopic,
		Producers: realProducers, Consumers: realConsumers, Messages: realMessages, AccessKey: realAccessKey, SecretKey: realSecretKey})
	if err != nil {
		return nil, err
	}
	c.stops = append(c.stops, clients.Kill)
	return c, nil
}

// accessControl is the configuration of a broker that only answers who signs.
func accessControl() map[string]string {
	return map[string]string{
		"authenticationEnabled":                "true",
		"authenticationProvider":               "org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider",
		"authenticationMetadataProvider":       "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
		"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, realAccessKey, realSecretKey),
		"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, realAccessKey, realSecretKey),
	}
}

// certify makes a certificate for the broker's address and is what java is told of it.
func (c *cluster) certify() ([]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, // java wants a name
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	certificatePath, keyPath := filepath.Join(c.dir, "broker.pem"), filepath.Join(c.dir, "broker.key")
	c.roots = x509.NewCertPool()
	c.roots.AppendCertsFromPEM(certificatePEM)
	err = errors.Join(os.WriteFile(certificatePath, certificatePEM, 0o600),
		os.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return []string{"-Dtls.test.mode.enable=false", "-Dtls.server.certPath=" + certificatePath, "-Dtls.server.keyPath=" + keyPath}, err
}

// within is a context for one answer.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually asks until what is asked has no error.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("after %v: %v", patience, err)
		case <-ticker.C:
		}
	}
}
