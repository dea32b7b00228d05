module top(input clk, rst, input [3:0] step, output reg [7:0] total);
  always @(posedge clk) if (rst) total <= 0; else total <= total + step;
endmodule
