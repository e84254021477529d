// A picture to the pixels that a model takes: the definition of docs/decoding.md, in integers.

/** A picture's file as `{rgb, height, width}`. The browser decodes it, and turns it upright if its EXIF says how. */
export async function decoded(file, maxPixels) {
  let bitmap;
  try {
    // Numbers as they are in the file: not converted to the screen's colours.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`A picture is a whole file of a known format. Received ${file.name}. Choose a PNG, JPEG or WebP.`);
  }
  const { height, width } = bitmap;
  if (height * width > maxPixels) {
    throw new Error(`A picture has at most ${maxPixels} pixels. Received ${width} x ${height}. Choose a smaller one.`);
  }
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  canvas.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { rgb: onWhite(canvas.getImageData(0, 0, width, height).data), height, width };
}

/** Red, green, blue and alpha of each pixel, put on white. */
export function onWhite(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++) {
    const alpha = rgba[pixel * 4 + 3];
    for (let color = 0; color < 3; color++) {
      rgb[pixel * 3 + color] = Math.floor((rgba[pixel * 4 + color] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return rgb;
}

/**
 * A picture at the size that the model takes.
 *
 * @param picture `{rgb, height, width}`, red, green and blue of each pixel, row by row
 * @param size `[height, width]` of the model's input
 * @param resize `"stretch"`, `"crop"` or `"pad"`
 * @returns `Uint8Array` of `height * width * 3`
 */
export function resized(picture, [goalHeight, goalWidth], resize) {
  const wide = picture.width * goalHeight;
  const high = picture.height * goalWidth;
  const part = { height: picture.height, width: picture.width };
  const goal = { height: goalHeight, width: goalWidth };
  if (resize === "crop" && wide > high) part.width = Math.max(1, Math.floor(high / goalHeight));
  else if (resize === "crop") part.height = Math.max(1, Math.floor(wide / goalWidth));
  if (resize === "pad" && wide > high) {
    goal.height = Math.max(1, Math.floor((2 * high + picture.width) / (2 * picture.width)));
  } else if (resize === "pad") {
    goal.width = Math.max(1, Math.floor((2 * wide + picture.height) / (2 * picture.height)));
  }
  return padded(bilinear(blockMeans(picture, part, goal), goal), goal, goalHeight, goalWidth);
}

/** The middle part of a picture, as the means of square blocks. */
function blockMeans({ rgb, height, width }, part, goal) {
  const block = Math.max(1, Math.min(Math.floor(part.height / goal.height), Math.floor(part.width / goal.width)));
  const top = Math.floor((height - part.height) / 2);
  const left = Math.floor((width - part.width) / 2);
  const small = { height: Math.floor(part.height / block), width: Math.floor(part.width / block) };
  const sums = new Float64Array(small.height * small.width * 3);
  for (let row = 0; row < small.height * block; row++) {
    const target = Math.floor(row / block) * small.width;
    for (let column = 0; column < small.width * block; column++) {
      const pixel = (top + row) * width + left + column;
      const mean = target + Math.floor(column / block);
      for (let color = 0; color < 3; color++) sums[mean * 3 + color] += rgb[pixel * 3 + color];
    }
  }
  const area = block * block;
  return { ...small, rgb: Uint8Array.from(sums, (sum) => Math.floor((2 * sum + area) / (2 * area))) };
}

function bilinear({ rgb, height, width }, goal) {
  const result = new Uint8Array(goal.height * goal.width * 3);
  const whole = 4 * goal.height * goal.width;
  for (let row = 0; row < goal.height; row++) {
    const [upper, lower, down] = neighbours(row, height, goal.height);
    for (let column = 0; column < goal.width; column++) {
      const [before, after, across] = neighbours(column, width, goal.width);
      for (let color = 0; color < 3; color++) {
        const at = (y, x) => rgb[(y * width + x) * 3 + color];
        const u = at(upper, before) * (2 * goal.width - across) + at(upper, after) * across;
        const v = at(lower, before) * (2 * goal.width - across) + at(lower, after) * across;
        const value = Math.floor((2 * (u * (2 * goal.height - down) + v * down) + whole) / (2 * whole));
        result[(row * goal.width + column) * 3 + color] = value;
      }
    }
  }
  return result;
}

/** Between which two of `count` places a new one lies, and the weight of the second, of `2 * goal`. */
function neighbours(place, count, goal) {
  const position = (2 * place + 1) * count - goal;
  const first = Math.floor(position / (2 * goal));
  return [Math.max(first, 0), Math.min(first + 1, count - 1), position - first * 2 * goal];
}

function padded(rgb, part, height, width) {
  if (part.height === height && part.width === width) return rgb;
  const result = new Uint8Array(height * width * 3).fill(255);
  const top = Math.floor((height - part.height) / 2);
  const left = Math.floor((width - part.width) / 2);
  for (let row = 0; row < part.height; row++) {
    const line = rgb.subarray(row * part.width * 3, (row + 1) * part.width * 3);
    result.set(line, ((top + row) * width + left) * 3);
  }
  return result;
}
