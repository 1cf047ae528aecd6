// The witness of transparency-dev with the logs of one YAML file: no feeders, loopback only.
// Usage: witness KEYFILE LOGS.yaml DATABASE ADDRESS
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/config"
	"github.com/transparency-dev/witness/omniwitness"
	"github.com/transparency-dev/witness/persistence/sqlite"
	sumdb "golang.org/x/mod/sumdb/note"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	key, err := os.ReadFile(os.Args[1])
	must(err)
	signer, err := note.NewSignerForCosignatureV1(string(key))
	must(err)
	yaml, err := os.ReadFile(os.Args[2])
	must(err)
	static, err := omniwitness.NewStaticLogConfig(yaml)
	must(err)
	store, _, err := sqlite.New(ctx, sqlite.Opts{Path: os.Args[3], MaxOpenConns: 4})
	must(err)
	must(store.Init(ctx))
	var logs []config.Log
	for one, err := range static.Logs(ctx) {
		must(err)
		logs = append(logs, one)
	}
	must(store.AddLogs(ctx, logs))
	listener, err := net.Listen("tcp", os.Args[4])
	must(err)
	fmt.Println(signer.Verifier())
	operator := omniwitness.OperatorConfig{
		WitnessKeys:     []sumdb.Signer{signer},
		WitnessVerifier: signer.Verifier(),
		Logs:            store,
	}
	client := &http.Client{Timeout: time.Second}
	must(omniwitness.Main(ctx, operator, store, listener, client))
}
