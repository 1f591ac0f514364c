// Made from cells/ by python -m hiddenstate.derive --update; do not edit. The gru cell.

static void gru_plain_0_0(const Block &block) {
  const Cursor input_1 = block.cursor(5);
  const Cursor slot_1 = block.cursor(3);
  const Cursor input_0 = block.cursor(6);
  const Cursor slot_0 = block.cursor(2);
  const Cursor slot_2 = block.cursor(4);
  const Cursor input_2 = block.cursor(7);
  const Cursor state_0 = block.cursor(0);
  const Cursor next_0 = block.cursor(1);
  const Cursor output_0 = block.cursor(8);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_1.read(g, r);
      const V v1 = slot_1.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = sigmoid(v2);
      const V v4 = set1(1.0f);
      const V v5 = sub(v4, v3);
      const V v6 = input_0.read(g, r);
      const V v7 = slot_0.read(g, r);
      const V v8 = add(v6, v7);
      const V v9 = sigmoid(v8);
      const V v10 = slot_2.read(g, r);
      const V v11 = mul(v9, v10);
      const V v12 = input_2.read(g, r);
      const V v13 = add(v12, v11);
      const V v14 = tanh(v13);
      const V v15 = mul(v5, v14);
      const V v16 = state_0.read(g, r);
      const V v17 = mul(v3, v16);
      const V v18 = add(v15, v17);
      next_0.write(g, r, v18);
      output_0.write(g, r, v18);
    }
}

static void gru_taped_0_0(const Block &block) {
  const Cursor input_1 = block.cursor(4);
  const Cursor slot_1 = block.cursor(2);
  const Cursor input_0 = block.cursor(5);
  const Cursor slot_0 = block.cursor(1);
  const Cursor slot_2 = block.cursor(3);
  const Cursor input_2 = block.cursor(6);
  const Cursor state_0 = block.cursor(0);
  const Cursor next_0 = block.cursor(7);
  const Cursor output_0 = block.cursor(8);
  const Cursor tape_0 = block.cursor(9);
  const Cursor tape_1 = block.cursor(10);
  const Cursor tape_2 = block.cursor(11);
  const Cursor tape_3 = block.cursor(12);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_1.read(g, r);
      const V v1 = slot_1.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = sigmoid(v2);
      const V v4 = set1(1.0f);
      const V v5 = sub(v4, v3);
      const V v6 = input_0.read(g, r);
      const V v7 = slot_0.read(g, r);
      const V v8 = add(v6, v7);
      const V v9 = sigmoid(v8);
      const V v10 = slot_2.read(g, r);
      const V v11 = mul(v9, v10);
      const V v12 = input_2.read(g, r);
      const V v13 = add(v12, v11);
      const V v14 = tanh(v13);
      const V v15 = mul(v5, v14);
      const V v16 = state_0.read(g, r);
      const V v17 = mul(v3, v16);
      const V v18 = add(v15, v17);
      next_0.write(g, r, v18);
      output_0.write(g, r, v18);
      tape_0.write(g, r, v9);
      tape_1.write(g, r, v3);
      tape_2.write(g, r, v10);
      tape_3.write(g, r, v14);
    }
}

static void gru_back_0_0(const Block &block) {
  const Cursor adjoint_output_0 = block.cursor(2);
  const Cursor adjoint_0 = block.cursor(0);
  const Cursor tape_1 = block.cursor(3);
  const Cursor tape_3 = block.cursor(4);
  const Cursor tape_2 = block.cursor(5);
  const Cursor tape_0 = block.cursor(6);
  const Cursor state_0 = block.cursor(7);
  const Cursor delta_0 = block.cursor(8);
  const Cursor delta_1 = block.cursor(9);
  const Cursor delta_2 = block.cursor(10);
  const Cursor delta_3 = block.cursor(11);
  const Cursor value_0 = block.cursor(12);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = adjoint_output_0.read(g, r);
      const V v1 = adjoint_0.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = set1(1.0f);
      const V v4 = tape_1.read(g, r);
      const V v5 = sub(v3, v4);
      const V v6 = mul(v2, v5);
      const V v7 = tape_3.read(g, r);
      const V v8 = mul(v7, v7);
      const V v9 = sub(v3, v8);
      const V v10 = mul(v6, v9);
      const V v11 = tape_2.read(g, r);
      const V v12 = mul(v10, v11);
      const V v13 = tape_0.read(g, r);
      const V v14 = sub(v3, v13);
      const V v15 = mul(v13, v14);
      const V v16 = mul(v12, v15);
      const V v17 = state_0.read(g, r);
      const V v18 = mul(v2, v17);
      const V v19 = mul(v2, v7);
      const V v20 = set1(0.0f);
      const V v21 = sub(v20, v19);
      const V v22 = add(v18, v21);
      const V v23 = mul(v4, v5);
      const V v24 = mul(v22, v23);
      const V v25 = mul(v10, v13);
      const V v26 = mul(v2, v4);
      delta_0.write(g, r, v16);
      delta_1.write(g, r, v24);
      delta_2.write(g, r, v10);
      delta_3.write(g, r, v25);
      value_0.write(g, r, v26);
    }
}

static void gru_back_1_0(const Block &block) {
  const Cursor value_0 = block.cursor(12);
  const Cursor slot_0 = block.cursor(13);
  const Cursor back_0 = block.cursor(1);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = value_0.read(g, r);
      const V v1 = slot_0.read(g, r);
      const V v2 = add(v0, v1);
      back_0.write(g, r, v2);
    }
}
