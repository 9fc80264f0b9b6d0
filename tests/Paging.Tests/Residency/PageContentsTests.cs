using Paging.Residency;
using Paging.Tests.Model;

namespace Paging.Tests.Residency;

/// <summary>What <see cref="PageContents"/> writes into a frame.</summary>
public sealed unsafe class PageContentsTests
{
    private const byte Guard = 0xA5;

    [Fact]
    public void An_element_of_any_size_is_repeated_over_the_page_and_no_further() => Seeded.Run(static seed =>
    {
        var random = new Random((int)seed);
        int[] sizes = [.. Enumerable.Range(1, 70), 128, 511, 512, 513, 1000, 1024, 1025, 2048, 4096, 5000];
        foreach (int bytes in sizes)
        {
            foreach (int times in (int[])[1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, random.Next(1, 1 + (20_000 / bytes))])
            {
                byte[] element = new byte[bytes];
                random.NextBytes(element);
                byte[] page = new byte[(bytes * times) + 64];
                Array.Fill(page, Guard);
                fixed (byte* source = element, target = page)
                {
                    PageContents.Repeat(source, bytes, times).CopyTo(target, bytes * times);
                }

                byte[] expected = [.. Enumerable.Repeat(element, times).SelectMany(static each => each), .. Enumerable.Repeat(Guard, 64)];
                Assert.True(page.AsSpan().SequenceEqual(expected), $"{times} elements of {bytes} bytes");
            }
        }
    });

    [Fact]
    public void The_element_may_lie_in_the_page_that_it_fills()
    {
        byte[] page = new byte[4096];
        for (int i = 0; i < page.Length; i++)
        {
            page[i] = (byte)(i * 7);
        }

        foreach (int bytes in (int[])[1, 8, 12, 16, 32])
        {
            byte[] own = [.. page];
            int times = own.Length / bytes;
            byte[] expected = [.. Enumerable.Repeat(own.AsSpan(100, bytes).ToArray(), times).SelectMany(static each => each), .. own[(bytes * times)..]];
            fixed (byte* target = own)
            {
                PageContents.Repeat(target + 100, bytes, times).CopyTo(target, bytes * times);
            }

            Assert.Equal(expected, own);
        }
    }
}
