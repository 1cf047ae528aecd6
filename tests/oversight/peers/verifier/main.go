// Verifies a folder of a log by golang.org/x/mod/sumdb alone: signatures, and every leaf
// against the tiles by TileHashReader, which checks each tile against the root.
// Usage: verifier FOLDER VKEY [WITNESS_VKEY ...]; it prints size and root.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type folder string

func (f folder) read(tile tlog.Tile) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), torchwood.TilePath(tile)))
}

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := f.read(tile)
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func verifiers(keys []string) (found []note.Verifier) {
	own, err := note.NewVerifier(keys[0])
	must(err)
	found = append(found, own)
	for _, key := range keys[1:] {
		witness, err := torchwood.NewCosignatureVerifier(key)
		must(err)
		found = append(found, witness)
	}
	return found
}

func main() {
	dir, keys := folder(os.Args[1]), verifiers(os.Args[2:])
	raw, err := os.ReadFile(filepath.Join(string(dir), "checkpoint"))
	must(err)
	signed, err := note.Open(raw, note.VerifierList(keys...))
	must(err)
	if len(signed.Sigs) != len(keys) {
		log.Fatalf("%d of %d signatures", len(signed.Sigs), len(keys))
	}
	point, err := torchwood.ParseCheckpoint(signed.Text)
	must(err)
	hashes := tlog.TileHashReader(point.Tree, dir)
	for number := int64(0); number*width < point.N; number++ {
		count := min(width, int(point.N-number*width))
		data, err := dir.read(tlog.Tile{H: 8, L: -1, N: number, W: count})
		must(err)
		for place := range count {
			size := binary.BigEndian.Uint16(data)
			leaf := data[2 : 2+size]
			data = data[2+size:]
			index := tlog.StoredHashIndex(0, number*width+int64(place))
			there, err := hashes.ReadHashes([]int64{index})
			must(err)
			if there[0] != tlog.RecordHash(leaf) {
				log.Fatalf("leaf %d differs", number*width+int64(place))
			}
		}
		if len(data) != 0 {
			log.Fatalf("bundle %d goes on", number)
		}
	}
	fmt.Printf("%d %x\n", point.N, point.Hash[:])
}
