// A real istiod for interop tests: Istio's production discovery server and certificate authority, from its Go module,
// on a fake Kubernetes client. It prints one line of JSON when it is ready and is driven over a loopback HTTP endpoint:
//
//	POST /apply            create or replace the YAML documents of the body
//	POST /delete           delete the YAML documents of the body (kind, namespace and name are enough)
//	GET  /token?ns=&sa=    a token for a service account
//	GET  /jwks             the keys of those tokens
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	meshconfig "istio.io/api/mesh/v1alpha1"
	kubecredentials "istio.io/istio/pilot/pkg/credentials/kube"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/kind"
	kubelib "istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/util/sets"
)

func main() {
	state := flag.String("state", "", "folder that keeps keys over restarts")
	port := flag.Int("port", 0, "port of the discovery service and the CA, 0 chooses one")
	control := flag.Int("control", 0, "port of the control endpoint, 0 chooses one")
	objects := flag.String("objects", "", "file of Kubernetes objects to start with")
	configs := flag.String("configs", "", "file of Istio objects to start with")
	meshFile := flag.String("mesh", "", "file of mesh configuration")
	flag.Parse()
	if err := run(*state, *port, *control, *objects, *configs, *meshFile); err != nil {
		fmt.Fprintln(os.Stderr, "istiod:", err)
		os.Exit(1)
	}
}

func run(state string, port, control int, objects, configs, meshFile string) error {
	keys, err := loadKeys(state)
	if err != nil {
		return err
	}
	controlListener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", control))
	if err != nil {
		return err
	}
	meshConfig, err := readMeshConfig(meshFile)
	if err != nil {
		return err
	}
	kube, err := readKubernetesObjects(objects)
	if err != nil {
		return err
	}
	istio, err := readIstioConfigs(configs)
	if err != nil {
		return err
	}
	f := &failer{}
	defer f.cleanup()
	fake := xds.NewFakeDiscoveryServer(f, xds.FakeOptions{
		KubernetesObjects: kube,
		Configs:           istio,
		MeshConfig:        meshConfig,
		// Or nobody may read a Secret: the fake API server answers no SubjectAccessReview.
		DisableSecretAuthorization: true,
	})

	pushSecrets(fake)

	mux := http.NewServeMux()
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys.jwks()) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, keys.token(r.URL.Query().Get("ns"), r.URL.Query().Get("sa"), r.URL.Query().Get("aud")))
	})
	store := &store{fake: fake}
	mux.HandleFunc("/apply", answer(store.apply))
	mux.HandleFunc("/delete", answer(store.delete))
	go func() { _ = http.Serve(controlListener, mux) }()

	address, err := serve(f, fake, keys, port, "http://"+controlListener.Addr().String()+"/jwks")
	if err != nil {
		return err
	}
	ready, _ := json.Marshal(map[string]string{
		"discovery": address,
		"control":   "http://" + controlListener.Addr().String(),
		"root":      string(keys.rootPEM),
	})
	fmt.Println(string(ready))

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	return nil
}

// pushSecrets tells workloads of Secrets that change, as the bootstrap of the production server does: the fake has no
// handler of its own.
func pushSecrets(fake *xds.FakeDiscoveryServer) {
	creds := kubecredentials.NewCredentialsController(fake.KubeClient(), []func(kind.Kind, string, string){
		func(k kind.Kind, name, namespace string) {
			fake.Discovery.ConfigUpdate(&model.PushRequest{
				ConfigsUpdated: sets.New(model.ConfigKey{Kind: k, Name: name, Namespace: namespace}),
				Reason:         model.NewReasonStats(model.SecretTrigger),
			})
		},
	}, false)
	stop := make(chan struct{})
	fake.KubeClient().RunAndWait(stop)
	kubelib.WaitForCacheSync("secrets", stop, creds.HasSynced)
}

func answer(act func(yaml string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = act(string(body))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
}

func readMeshConfig(file string) (*meshconfig.MeshConfig, error) {
	config := mesh.DefaultMeshConfig()
	// Without a metrics provider istiod sends no istio.stats filter.
	config.DefaultProviders = &meshconfig.MeshConfig_DefaultProviders{Metrics: []string{"prometheus"}}
	if file == "" {
		return config, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return mesh.ApplyMeshConfig(string(text), config)
}

func readFile(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSpace(string(text)), err
}
