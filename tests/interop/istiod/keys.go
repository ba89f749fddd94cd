package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// keys are the root of the CA and the issuer of tokens. They stay the same over a restart, as in a cluster.
type keys struct {
	folder   string
	rootPEM  []byte
	tokenKey *rsa.PrivateKey
}

const issuer = "https://kubernetes.default.svc"

func loadKeys(folder string) (*keys, error) {
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "istiod-keys"); err != nil {
			return nil, err
		}
	}
	k := &keys{folder: folder}
	if _, err := os.Stat(k.path("root-cert.pem")); os.IsNotExist(err) {
		if err := k.create(); err != nil {
			return nil, err
		}
	}
	root, err := os.ReadFile(k.path("root-cert.pem"))
	if err != nil {
		return nil, err
	}
	k.rootPEM = root
	text, err := os.ReadFile(k.path("token-key.pem"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	k.tokenKey, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	return k, err
}

func (k *keys) path(name string) string { return filepath.Join(k.folder, name) }

func (k *keys) create() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{Organization: []string{"cluster.local"}},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	tokenKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca-key.pem":    pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"token-key.pem": pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(tokenKey)),
		"root-cert.pem": pemBlock("CERTIFICATE", der),
	}
	for name, content := range files {
		if err := os.WriteFile(k.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (k *keys) jwks() []byte {
	exponent := big.NewInt(int64(k.tokenKey.E)).Bytes()
	out, _ := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
		"n": base64.RawURLEncoding.EncodeToString(k.tokenKey.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(exponent),
	}}})
	return out
}

func (k *keys) token(namespace, serviceAccount, audience string) string {
	if audience == "" {
		audience = "istio-ca"
	}
	header := segment(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"})
	payload := segment(map[string]any{
		"iss": issuer, "aud": []string{audience}, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"sub": "system:serviceaccount:" + namespace + ":" + serviceAccount,
	})
	digest := sha256.Sum256([]byte(header + "." + payload))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.tokenKey, crypto.SHA256, digest[:])
	if err != nil {
		return ""
	}
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(content any) string {
	text, _ := json.Marshal(content)
	return base64.RawURLEncoding.EncodeToString(text)
}
