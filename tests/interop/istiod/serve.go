package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"istio.io/api/security/v1beta1"
	xdsserver "istio.io/istio/pilot/pkg/xds"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/pki/ca"
	caserver "istio.io/istio/security/pkg/server/ca"
	"istio.io/istio/security/pkg/server/ca/authenticate"
)

// serve puts the discovery service and the CA behind one TLS port, as istiod's 15012.
func serve(f *failer, fake *xds.FakeDiscoveryServer, k *keys, port int, jwks string) (string, error) {
	options, err := ca.NewPluggedCertIstioCAOptions(ca.SigningCAFileBundle{
		RootCertFile:    k.path("root-cert.pem"),
		SigningCertFile: k.path("root-cert.pem"),
		SigningKeyFile:  k.path("ca-key.pem"),
	}, 24*time.Hour, 90*24*time.Hour, 2048)
	if err != nil {
		return "", err
	}
	authority, err := ca.NewIstioCA(options)
	if err != nil {
		return "", err
	}
	hosts := []string{"istiod.istio-system.svc", "localhost", "127.0.0.1"}
	certificate, key, err := authority.GenKeyCert(hosts, 24*time.Hour, false)
	if err != nil {
		return "", err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.rootPEM)

	jwt, err := authenticate.NewJwtAuthenticator(
		&v1beta1.JWTRule{Issuer: issuer, JwksUri: jwks, Audiences: []string{"istio-ca"}}, fake.Env().Watcher)
	if err != nil {
		return "", err
	}
	authenticators := []security.Authenticator{&authenticate.ClientCertAuthenticator{}, jwt}
	fake.Discovery.Authenticators = authenticators
	// The generator of the fake has no handler for debug requests and would panic on one.
	debug := xdsserver.NewDebugGen(fake.Discovery, "istio-system", fake.DiscoveryDebug)
	fake.Discovery.Generators[xdsserver.TypeDebugSyncronization] = xdsserver.NewStatusGen(fake.Discovery)
	fake.Discovery.Generators["istio.io/debug"] = debug

	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    roots,
		MinVersion:   tls.VersionTLS12,
	})))
	fake.Discovery.Register(server)
	certificates, err := caserver.New(authority, 24*time.Hour, authenticators, nil)
	if err != nil {
		return "", err
	}
	certificates.Register(server)

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	f.Cleanup(server.Stop)
	go func() {
		if err := server.Serve(listener); err != nil && err != http.ErrServerClosed {
			f.Fatal(err)
		}
	}()
	return listener.Addr().String(), nil
}
