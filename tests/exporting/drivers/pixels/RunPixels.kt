import java.io.File
import java.util.Base64

/** Prints each picture resized, in base64, a line each: RunPixels CASES. */
fun main(arguments: Array<String>) {
    for (line in File(arguments[0]).readLines()) {
        val (height, width, goalHeight, goalWidth) = line.split(" ").take(4).map { it.toInt() }
        val (resize, pixels) = line.split(" ").drop(4)
        val rgb = Base64.getDecoder().decode(pixels)
        println(Base64.getEncoder().encodeToString(resized(rgb, height, width, goalHeight, goalWidth, resize)))
    }
}
