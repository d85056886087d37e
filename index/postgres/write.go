package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/rows"
)

// Apply carries out a batch as one transaction. One whose outcome is not known is carried out again, which changes nothing: values are set, not
// added to, and merged as sets are.
func (s *store) Apply(ctx context.Context, b *rows.Batch) error {
	return persist(ctx, func() error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.apply(ctx, tx, b) })
	})
}

func (s *store) apply(ctx context.Context, tx pgx.Tx, b *rows.Batch) error {
	var gone, keys, values [][]byte
	merged := make(map[string][]byte)
	for i := range b.Ops {
		op := &b.Ops[i]
		switch op.Kind {
		case rows.Set:
			keys, values = append(keys, op.Key), append(values, sealed(s.seal, op.Key, op.Value))
		case rows.Delete:
			gone = append(gone, op.Key)
		case rows.Merge:
			value, err := index.Merge(op.Key, merged[string(op.Key)], op.Value)
			if err != nil {
				return err
			}
			merged[string(op.Key)] = value
		}
	}
	if err := s.join(ctx, tx, merged); err != nil {
		return err
	}
	for key, value := range merged {
		keys, values = append(keys, []byte(key)), append(values, sealed(s.seal, []byte(key), value))
	}
	if len(gone) > 0 {
		if _, err := tx.Exec(ctx, `DELETE FROM sijil_index WHERE k = ANY($1)`, gone); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO sijil_index (k, v) SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v`, keys, values)
	return err
}

// join unites what is to be merged with what is there.
func (s *store) join(ctx context.Context, tx pgx.Tx, merged map[string][]byte) error {
	keys := make([][]byte, 0, len(merged))
	for key := range merged {
		keys = append(keys, []byte(key))
	}
	there := reader{q: tx, seal: s.seal, persist: once}
	return there.Gets(ctx, keys, func(i int, value []byte) (err error) {
		if value != nil {
			merged[string(keys[i])], err = index.Merge(keys[i], value, merged[string(keys[i])])
		}
		return err
	})
}

// Snapshot is a transaction that sees one moment.
func (s *store) Snapshot(ctx context.Context) (rows.Snapshot, error) {
	var tx pgx.Tx
	if err := persist(ctx, func() (err error) {
		tx, err = s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		return err
	}); err != nil {
		return nil, err
	}
	return &snapshot{reader{q: tx, seal: s.seal, persist: once}, tx}, nil
}

type snapshot struct {
	reader
	tx pgx.Tx
}

func (s *snapshot) Close() error {
	err := s.tx.Rollback(context.Background())
	if errors.Is(err, pgx.ErrTxClosed) { // its context ended
		return nil
	}
	return err
}

// Check reads everything.
func (s *store) Check(ctx context.Context) error {
	return s.one(ctx, rows.Range{From: []byte{}}, func([]byte, []byte) (bool, error) { return true, ctx.Err() })
}
