import { expect, test } from "vitest";
import { csvOf } from "./csv";

test("a table that is saved runs no formula, and keeps commas, quotes and sums", () => {
  expect(
    csvOf([
      ["name", "count"],
      ['=1+1, "x"', -3],
      ["-5.00", 7],
      ["-2+3", 1],
      ["'=1", 0],
    ]),
  ).toBe('name,count\r\n"\'=1+1, ""x""",-3\r\n-5.00,7\r\n\'-2+3,1\r\n\'\'=1,0\r\n');
});
