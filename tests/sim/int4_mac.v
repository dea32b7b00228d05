// A small hand-written unit for the bench's own tests: INT4 x INT4 MAC, k_max 8, exact 11-bit accumulator, two stages.
module bitmill_top(
  input clk, input rst,
  input [8:0] i_payload, input i_valid, output i_ready,
  output reg [12:0] o_payload, output reg o_valid, input o_ready
);
  reg signed [7:0] product;
  reg last, full;
  reg signed [10:0] sum;
  reg [3:0] steps;

  wire advance = !o_valid | o_ready;
  wire signed [3:0] weight = i_payload[3:0];
  wire signed [3:0] activation = i_payload[7:4];
  wire signed [10:0] total = sum + product;
  wire too_long = steps > 4'd7;
  assign i_ready = advance;

  // Like emitted Verilog: a level from the start, so that what a missing reset leaves behind is a value.
  initial begin
    full = 0; product = 0; last = 0; sum = 0; steps = 0; o_payload = 0; o_valid = 0;
  end

  always @(posedge clk) begin
    if (advance) begin
      full <= i_valid;
      product <= weight * activation;
      last <= i_payload[8];
      o_valid <= full & last;
      if (full) begin
        o_payload <= {too_long, 1'b0, total};
        sum <= last ? 11'd0 : total;
        steps <= last ? 4'd0 : too_long ? steps : steps + 4'd1;
      end
    end
    if (rst) begin
      full <= 1'b0;
      o_valid <= 1'b0;
      sum <= 11'd0;
      steps <= 4'd0;
    end
  end
endmodule
