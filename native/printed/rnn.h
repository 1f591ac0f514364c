// Made from cells/ by python -m hiddenstate.derive --update; do not edit. The rnn cell.

static void rnn_plain_0_0(const Block &block) {
  const Cursor input_0 = block.cursor(3);
  const Cursor slot_0 = block.cursor(2);
  const Cursor next_0 = block.cursor(1);
  const Cursor output_0 = block.cursor(4);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_0.read(g, r);
      const V v1 = slot_0.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = tanh(v2);
      next_0.write(g, r, v3);
      output_0.write(g, r, v3);
    }
}

static void rnn_taped_0_0(const Block &block) {
  const Cursor input_0 = block.cursor(2);
  const Cursor slot_0 = block.cursor(1);
  const Cursor next_0 = block.cursor(3);
  const Cursor output_0 = block.cursor(4);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_0.read(g, r);
      const V v1 = slot_0.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = tanh(v2);
      next_0.write(g, r, v3);
      output_0.write(g, r, v3);
    }
}

static void rnn_back_0_0(const Block &block) {
  const Cursor adjoint_output_0 = block.cursor(2);
  const Cursor adjoint_0 = block.cursor(0);
  const Cursor next_0 = block.cursor(3);
  const Cursor delta_0 = block.cursor(4);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = adjoint_output_0.read(g, r);
      const V v1 = adjoint_0.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = next_0.read(g, r);
      const V v4 = mul(v3, v3);
      const V v5 = set1(1.0f);
      const V v6 = sub(v5, v4);
      const V v7 = mul(v2, v6);
      delta_0.write(g, r, v7);
    }
}

static void rnn_back_1_0(const Block &block) {
  const Cursor slot_0 = block.cursor(5);
  const Cursor back_0 = block.cursor(1);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = slot_0.read(g, r);
      back_0.write(g, r, v0);
    }
}
