module top (input clk, input [7:0] a, output reg [7:0] y);
  always @(posedge clk) y <= -a;
endmodule
