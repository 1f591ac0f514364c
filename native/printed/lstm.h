// Made from cells/ by python -m hiddenstate.derive --update; do not edit. The lstm cell.

static void lstm_plain_0_0(const Block &block) {
  const Cursor input_3 = block.cursor(8);
  const Cursor slot_3 = block.cursor(7);
  const Cursor input_1 = block.cursor(9);
  const Cursor slot_1 = block.cursor(5);
  const Cursor state_1 = block.cursor(2);
  const Cursor input_0 = block.cursor(10);
  const Cursor slot_0 = block.cursor(4);
  const Cursor input_2 = block.cursor(11);
  const Cursor slot_2 = block.cursor(6);
  const Cursor next_0 = block.cursor(1);
  const Cursor next_1 = block.cursor(3);
  const Cursor output_0 = block.cursor(12);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_3.read(g, r);
      const V v1 = slot_3.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = sigmoid(v2);
      const V v4 = input_1.read(g, r);
      const V v5 = slot_1.read(g, r);
      const V v6 = add(v4, v5);
      const V v7 = sigmoid(v6);
      const V v8 = state_1.read(g, r);
      const V v9 = mul(v7, v8);
      const V v10 = input_0.read(g, r);
      const V v11 = slot_0.read(g, r);
      const V v12 = add(v10, v11);
      const V v13 = sigmoid(v12);
      const V v14 = input_2.read(g, r);
      const V v15 = slot_2.read(g, r);
      const V v16 = add(v14, v15);
      const V v17 = tanh(v16);
      const V v18 = mul(v13, v17);
      const V v19 = add(v9, v18);
      const V v20 = tanh(v19);
      const V v21 = mul(v3, v20);
      next_0.write(g, r, v21);
      next_1.write(g, r, v19);
      output_0.write(g, r, v21);
    }
}

static void lstm_taped_0_0(const Block &block) {
  const Cursor input_3 = block.cursor(5);
  const Cursor slot_3 = block.cursor(4);
  const Cursor input_1 = block.cursor(6);
  const Cursor slot_1 = block.cursor(2);
  const Cursor state_1 = block.cursor(7);
  const Cursor input_0 = block.cursor(8);
  const Cursor slot_0 = block.cursor(1);
  const Cursor input_2 = block.cursor(9);
  const Cursor slot_2 = block.cursor(3);
  const Cursor next_0 = block.cursor(10);
  const Cursor next_1 = block.cursor(11);
  const Cursor output_0 = block.cursor(12);
  const Cursor tape_0 = block.cursor(13);
  const Cursor tape_1 = block.cursor(14);
  const Cursor tape_2 = block.cursor(15);
  const Cursor tape_3 = block.cursor(16);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = input_3.read(g, r);
      const V v1 = slot_3.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = sigmoid(v2);
      const V v4 = input_1.read(g, r);
      const V v5 = slot_1.read(g, r);
      const V v6 = add(v4, v5);
      const V v7 = sigmoid(v6);
      const V v8 = state_1.read(g, r);
      const V v9 = mul(v7, v8);
      const V v10 = input_0.read(g, r);
      const V v11 = slot_0.read(g, r);
      const V v12 = add(v10, v11);
      const V v13 = sigmoid(v12);
      const V v14 = input_2.read(g, r);
      const V v15 = slot_2.read(g, r);
      const V v16 = add(v14, v15);
      const V v17 = tanh(v16);
      const V v18 = mul(v13, v17);
      const V v19 = add(v9, v18);
      const V v20 = tanh(v19);
      const V v21 = mul(v3, v20);
      next_0.write(g, r, v21);
      next_1.write(g, r, v19);
      output_0.write(g, r, v21);
      tape_0.write(g, r, v13);
      tape_1.write(g, r, v7);
      tape_2.write(g, r, v17);
      tape_3.write(g, r, v3);
    }
}

static void lstm_back_0_0(const Block &block) {
  const Cursor adjoint_output_0 = block.cursor(4);
  const Cursor adjoint_0 = block.cursor(0);
  const Cursor tape_3 = block.cursor(5);
  const Cursor next_1 = block.cursor(6);
  const Cursor adjoint_1 = block.cursor(2);
  const Cursor tape_2 = block.cursor(7);
  const Cursor tape_0 = block.cursor(8);
  const Cursor state_1 = block.cursor(9);
  const Cursor tape_1 = block.cursor(10);
  const Cursor delta_0 = block.cursor(11);
  const Cursor delta_1 = block.cursor(12);
  const Cursor delta_2 = block.cursor(13);
  const Cursor delta_3 = block.cursor(14);
  const Cursor back_1 = block.cursor(3);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = adjoint_output_0.read(g, r);
      const V v1 = adjoint_0.read(g, r);
      const V v2 = add(v0, v1);
      const V v3 = tape_3.read(g, r);
      const V v4 = mul(v2, v3);
      const V v5 = next_1.read(g, r);
      const V v6 = tanh(v5);
      const V v7 = mul(v6, v6);
      const V v8 = set1(1.0f);
      const V v9 = sub(v8, v7);
      const V v10 = mul(v4, v9);
      const V v11 = adjoint_1.read(g, r);
      const V v12 = add(v11, v10);
      const V v13 = tape_2.read(g, r);
      const V v14 = mul(v12, v13);
      const V v15 = tape_0.read(g, r);
      const V v16 = sub(v8, v15);
      const V v17 = mul(v15, v16);
      const V v18 = mul(v14, v17);
      const V v19 = state_1.read(g, r);
      const V v20 = mul(v12, v19);
      const V v21 = tape_1.read(g, r);
      const V v22 = sub(v8, v21);
      const V v23 = mul(v21, v22);
      const V v24 = mul(v20, v23);
      const V v25 = mul(v12, v15);
      const V v26 = mul(v13, v13);
      const V v27 = sub(v8, v26);
      const V v28 = mul(v25, v27);
      const V v29 = mul(v2, v6);
      const V v30 = sub(v8, v3);
      const V v31 = mul(v3, v30);
      const V v32 = mul(v29, v31);
      const V v33 = mul(v12, v21);
      delta_0.write(g, r, v18);
      delta_1.write(g, r, v24);
      delta_2.write(g, r, v28);
      delta_3.write(g, r, v32);
      back_1.write(g, r, v33);
    }
}

static void lstm_back_1_0(const Block &block) {
  const Cursor slot_0 = block.cursor(15);
  const Cursor back_0 = block.cursor(1);
  for (int g = 0; g < block.tiles; g++)
    for (int r = 0; r < block.rows; r++) {
      const V v0 = slot_0.read(g, r);
      back_0.write(g, r, v0);
    }
}
