package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// secured is a broker with encryption and authentication, and the files of an exporter that may use it.
type secured struct {
	t                       *testing.T
	cluster                 *kfake.Cluster
	ca, cert, key, password string
	authority               *x509.Certificate
	authorityKey            *ecdsa.PrivateKey
}

const secret = "correct horse"

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{t: t}
	folder := t.TempDir()
	s.ca, s.cert, s.key = filepath.Join(folder, "ca.pem"), filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	s.password = filepath.Join(folder, "password")
	s.write(s.password, []byte(secret+"\n"))
	authority := s.issue(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, s.ca, "")
	s.authority, s.authorityKey = authority.Leaf, authority.PrivateKey.(*ecdsa.PrivateKey)
	s.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, s.cert, s.key)
	server := s.issue(&x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames: []string{"kafka"},
	}, filepath.Join(folder, "server.pem"), "")
	clients := x509.NewCertPool()
	clients.AddCert(s.authority)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "admin", secret), kfake.Superuser("SCRAM-SHA-256", "a", secret),
		kfake.Superuser("SCRAM-SHA-512", "b", secret),
		kfake.TLS(&tls.Config{
			Certificates: []tls.Certificate{server}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s.cluster = cluster
	return s
}

func (s *secured) write(path string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// issue makes a certificate of the authority, or the authority itself before there is one, and writes it and its key.
func (s *secured) issue(c *x509.Certificate, path, keyPath string) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.Subject = pkix.Name{CommonName: filepath.Base(path)}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := s.authority, s.authorityKey
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if keyPath != "" {
		text, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			s.t.Fatal(err)
		}
		s.write(keyPath, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text}))
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestConnectionsAreEncryptedAndAuthenticated(t *testing.T) {
	s := newSecured(t)
	own := func() *TLS { return &TLS{CAFile: s.ca, CertFile: s.cert, KeyFile: s.key} }
	config, err := own().config()
	if err != nil {
		t.Fatal(err)
	}
	p := newProducer(t, s.cluster.ListenAddrs(), kgo.DialTLSConfig(config),
		kgo.SASL(plain.Auth{User: "admin", Pass: secret}.AsMechanism()))
	if err := p.ProduceSync(t.Context(), message(0, "a")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DRIFT_TEST_PASSWORD", secret)
	byName, anything := own(), own()
	byName.ServerName = "kafka"
	anything.CAFile, anything.InsecureSkipVerify = "", true
	for name, o := range map[string]Options{
		"plain":         {TLS: own(), SASL: &SASL{Mechanism: Plain, Username: "admin", PasswordFile: s.password}},
		"scram-sha-256": {TLS: byName, SASL: &SASL{Mechanism: ScramSHA256, Username: "a", PasswordFile: s.password}},
		"scram-sha-512": {TLS: anything, SASL: &SASL{Mechanism: ScramSHA512, Username: "b", PasswordVariable: "DRIFT_TEST_PASSWORD"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := o.Check(); err != nil {
				t.Fatal(err)
			}
			r := newReader(t, s.cluster.ListenAddrs(), o, 1)
			r.start()
			<-r.done
			got, _ := r.counted()
			wantValues(t, got, []string{"a"})
		})
	}
	s.write(s.password, []byte("battery staple"))
	wrong := newReader(t, s.cluster.ListenAddrs(), Options{
		TLS: own(), SASL: &SASL{Mechanism: Plain, Username: "admin", PasswordFile: s.password},
	}, 1)
	wrong.start()
	<-wrong.done
	if stats := wrong.Stats(); stats.Up || stats.LastError == "" || strings.Contains(wrong.log.String(), "battery") {
		t.Errorf("stats with a wrong password: %+v, log %s", stats, wrong.log)
	}
	stranger := newReader(t, s.cluster.ListenAddrs(), Options{TLS: &TLS{CertFile: s.cert, KeyFile: s.key}}, 1)
	stranger.start()
	<-stranger.done
	if stats := stranger.Stats(); stats.Up || !strings.Contains(stats.LastError, "certificate") {
		t.Errorf("stats of a broker with an unknown certificate: %+v", stats)
	}
}
